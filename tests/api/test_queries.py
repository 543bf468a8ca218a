"""A query is read as strictly as a body: what no operation takes is refused by its name."""

import re
from uuid import uuid4

import pytest

from tests import factories
from tests.api.calls import call, errors_of
from webhooks.api import urls
from webhooks.api.views.base import PublisherView

pytestmark = pytest.mark.django_db


def operations():
    """Every operation, with the parameters that it takes."""
    return [
        pytest.param(verb.upper(), path, callback.cls, taken, id=f"{verb} {path}")
        for pattern in urls.documented
        for path in [str(pattern.pattern).removeprefix(urls.PREFIX)]
        for callback in [pattern.callback]
        for verb, name in callback.actions.items()
        if verb != "head"  # which Django adds when the view is first called
        for reader in [getattr(getattr(callback.cls, name), "query", None)]
        for taken in [set(reader().fields) if reader else set()]
    ]


def test_lists_take_parameters_and_other_operations_do_not():
    taken = {each.id: each.values[3] for each in operations() if each.values[3]}
    page = {"limit", "cursor"}
    assert taken == {
        "get /event-types": page,
        "get /subscriptions": page,
        "get /keys": page,
        "get /recoveries": page,
        "get /deliveries": page
        | {"state", "subscription", "dialect", "event_type", "since", "until"},
        "get /events/<str:id>": {"cursor"},
        "get /subscriptions/<str:id>/secrets": {"dialect"},
        "post /subscriptions/<str:id>/secrets": {"dialect"},
        "post /subscriptions/<str:id>/secrets/<str:secret_id>/reveal": {"dialect"},
        "post /subscriptions/<str:id>/test": {"dialect"},
    }


@pytest.fixture
def ask(client):
    def ask(method, path, view, query):
        is_publishers = issubclass(view, PublisherView)
        _, key = factories.key(None if is_publishers else factories.partner())
        address = re.sub("<[^>]+>", str(uuid4()), path)
        return errors_of(call(client, method, f"{address}?{query}", {}, key=key))

    return ask


@pytest.mark.parametrize(("method", "path", "view", "taken"), operations())
def test_it_names_every_parameter_that_it_does_not_take(ask, method, path, view, taken):
    every = {"limit", "cursor", "state", "subscription", "dialect", "status", "format"}
    unknown = sorted(every - taken)
    errors = ask(method, path, view, "&".join(f"{name}=x" for name in unknown))
    refused = [e["parameter"] for e in errors if "no such parameter" in e["detail"]]
    assert sorted(refused) == unknown


@pytest.mark.parametrize(("method", "path", "view", "taken"), operations())
def test_it_takes_a_parameter_once_and_without_nul(ask, method, path, view, taken):
    for name in taken:
        (error,) = ask(method, path, view, f"{name}=1&{name}=2")
        assert error == {"parameter": name, "detail": "Must be given once."}
        (error,) = ask(method, path, view, f"{name}=a%00")
        assert error["parameter"] == name


def test_it_refuses_a_dialect_that_does_not_exist(ask):
    path, view = "/deliveries", urls.deliveries.Deliveries
    (error,) = ask("GET", path, view, "dialect=nope")
    assert error == {"parameter": "dialect", "detail": "There is no such dialect."}


def test_it_is_read_as_utf_8_whatever_the_body_is(client):
    _, key = factories.key(factories.partner())
    kind = {"Content-Type": "application/json; charset=utf-7"}
    headers = {"Authorization": f"Bearer {key}", **kind}
    path = f"/{urls.PREFIX}/deliveries?state=%2B2AA-"
    assert "+2AA-" in client.get(path, headers=headers).json()["errors"][0]["detail"]
