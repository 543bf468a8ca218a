"""What holds for every documented operation of every interface."""

import json
import re

import pytest
from django.core.cache import cache

from tests import factories
from webhooks.models import ApiKey
from webhooks.rest import interfaces

pytestmark = pytest.mark.django_db


def operations():
    """Every documented operation of every interface, with the kind of key it takes."""
    return [
        (verb.upper(), f"/{pattern.pattern}", callback.cls.authentication_classes[0])
        for interface in interfaces.all()
        for pattern in interface.documented
        for callback in [pattern.callback]
        for verb in callback.actions
    ]


def call(client, method, path, authentication, key, id="x"):
    address = re.sub("<[^>]+>", id, path)
    return client.generic(method, address, headers=dict([authentication.header(key)]))


@pytest.mark.parametrize(("method", "path", "authentication"), operations())
def test_it_forbids_a_key_of_the_other_kind(client, method, path, authentication):
    cache.clear()
    if authentication.kind == ApiKey.Kind.PUBLISHER:
        owners = [
            factories.partner(name="Northwind"),
            factories.partner(name="Contoso"),
        ]
    else:
        owners = [None, None]
    answers = [
        call(client, method, path, authentication, factories.key(owner)[1])
        for owner in owners
    ]
    assert [answer.status_code for answer in answers] == [403, 403]
    bodies = {re.sub(rb'"traceId":"[^"]+"', b"", each.content) for each in answers}
    assert len(bodies) == 1
    assert not re.search(rb"Northwind|Contoso", bodies.pop())


@pytest.mark.parametrize(("method", "path", "authentication"), operations())
def test_it_does_not_know_a_key_of_the_other_kind_that_was_revoked(
    client, method, path, authentication
):
    cache.clear()
    is_publishers = authentication.kind == ApiKey.Kind.PUBLISHER
    row, text = factories.key(factories.partner() if is_publishers else None)
    ApiKey.objects.filter(pk=row.pk).update(revoked_at=row.created_at)
    assert call(client, method, path, authentication, text).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "authentication"),
    [each for each in operations() if "<" in each[1]],
)
def test_it_finds_nothing_by_an_id_that_holds_nul(client, method, path, authentication):
    """PostgreSQL raises when it is to compare such a text."""
    cache.clear()
    is_publishers = authentication.kind == ApiKey.Kind.PUBLISHER
    _, key = factories.key(None if is_publishers else factories.partner())
    for id in ("%00", "a%00b"):
        answer = call(client, method, path, authentication, key, id)
        # Some vendors validate the body first.
        assert answer.status_code in (400, 404), answer.content
        json.loads(answer.content)
