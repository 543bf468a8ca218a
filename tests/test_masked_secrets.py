"""A key without the scope `secrets:reveal` sees no signing secret, in any interface.

The requests are those of the OpenAPI documents, so that an operation or an interface that is
added is tried, too. What such a key reads may be sent back, and changes no secret.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import factories
from tests.described import operations, requests
from tests.dialects.forms import SLUGS, Caller, case, create
from webhooks.models import AuditEntry, SigningSecret, Subscription
from webhooks.operations import given_secrets, keys, secrets, subscriptions
from webhooks.operations.audit import SYSTEM
from webhooks.operations.given_secrets import MASK

pytestmark = pytest.mark.django_db

NO_REVEAL = [keys.READ, keys.WRITE, keys.MANAGE]
SHOWING = [slug for slug in SLUGS if case(slug).shows_secrets]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


def limited(partner: Any = None) -> Caller:
    """A caller whose key may do all but reveal secrets."""
    partner = partner or factories.partner()
    return Caller(partner, *factories.key(partner, scopes=NO_REVEAL))


def plain() -> set[str]:
    """Every secret that is stored."""
    return {secret.reveal() for secret in SigningSecret.objects.all()}


def answers(slug: str, caller: Caller) -> Iterator[tuple[str, str, set[str]]]:
    """Of every described request: what it is, what it answers, and the secrets that were
    stored before or after it. Each is undone."""
    rows = {each: create(each, caller) for each in SLUGS}
    for operation in operations(slug):
        for dialect in SLUGS if "dialect" in operation.queries else [slug]:
            row = rows[dialect]
            of_row = row.secrets.values_list("id", flat=True)
            ids = [row.public_id, *map(str, of_row[:1])]
            for request in requests(
                operation,
                ids=ids,
                partner_id=str(caller.partner.id),
                dialect=dialect,
            ):
                before = plain()
                with transaction.atomic():
                    response = request.send(Client(), caller.text)
                    stored = before | plain()
                    transaction.set_rollback(True)
                # One of the caller's own making may be like an id that is answered.
                stored = {each for each in stored if each not in str(request.body)}
                yield str(request), response.content.decode(), stored


@pytest.mark.parametrize("slug", SLUGS)
def test_no_operation_shows_one_without_the_scope(slug):
    caller = limited()
    for request, content, stored in answers(slug, caller):
        assert stored
        assert not [secret for secret in stored if secret in content], request
    assert not AuditEntry.objects.filter(action="secrets.shown").exists()


@pytest.mark.parametrize("slug", SHOWING)
def test_the_same_requests_show_them_with_it(slug):
    """So the test above looks where secrets are."""
    caller = Caller()
    found = answers(slug, caller)
    assert any(each in content for _, content, stored in found for each in stored)


@pytest.mark.parametrize("slug", SHOWING)
def test_the_field_stays_and_holds_the_mask(slug):
    caller = limited()
    row = create(slug, caller)
    full = Caller(caller.partner)
    masked, shown = (
        json.loads(case(slug).ask(each, row).content)["data"] for each in (caller, full)
    )
    (name,) = [name for name in shown if name in ("secrets", "signature")]
    assert list(masked) == list(shown)
    assert MASK in masked[name]
    assert json.dumps(MASK) not in json.dumps(shown)


@pytest.mark.parametrize("slug", SLUGS)
def test_what_is_read_masked_may_be_sent_back(slug):
    caller = limited()
    row = create(slug, caller)
    before = list(SigningSecret.objects.values())
    read = json.loads(case(slug).ask(caller, row).content)
    body = case(slug).body(caller, read.get("data", read))
    if slug == "portal":  # it takes no field that is its own
        body = {"url": body["url"], "name": body["name"]}
    answer = caller.send(case(slug).change, case(slug).path(row), body)
    assert answer.status_code < 300, answer.content
    assert list(SigningSecret.objects.values()) == before
    assert MASK not in plain()


def test_a_mask_keeps_the_secret_of_its_place():
    caller = limited()
    row = create("nursa", caller, secrets=["older", "newer"])
    secrets.rotate(by=SYSTEM, subscription=row)
    _, made = row.live_secrets(timezone.now())
    ends = SigningSecret.objects.get(expires_at__isnull=False).expires_at

    def send(*given: str) -> Any:
        body = {"events": row.events, "secrets": list(given)}
        return caller.send("PATCH", case("nursa").path(row), body)

    assert send(MASK, MASK).status_code == 201
    assert row.live_secrets(timezone.now()) == ["newer", made]
    assert send(MASK, "own").status_code == 201
    assert row.live_secrets(timezone.now()) == ["newer", "own"]
    assert SigningSecret.objects.get(expires_at__isnull=False).expires_at == ends
    assert send("first", MASK).status_code == 201
    assert row.live_secrets(timezone.now()) == ["first", "own"]
    assert send("only").status_code == 201
    refused = send("only", MASK)
    assert refused.status_code == 400
    assert "A masked secret can only stand for" in refused.content.decode()
    assert row.live_secrets(timezone.now()) == ["only"]


def test_a_mask_that_was_read_before_a_rotation_changes_nothing():
    """It would keep the older secret alone, which ends with the overlap."""
    caller = limited()
    row = create("nursa", caller)
    secrets.rotate(by=SYSTEM, subscription=row)
    before = list(SigningSecret.objects.values())
    body = {"events": row.events, "secrets": [MASK]}
    answer = caller.send("PATCH", case("nursa").path(row), body)
    assert json.loads(answer.content)["data"]["secrets"] == [MASK, MASK]
    assert list(SigningSecret.objects.values()) == before


@pytest.mark.parametrize("altered", ["•", MASK * 2, f" {MASK}", f"{MASK}\n"])
def test_an_altered_mask_is_no_secret(altered):
    caller = limited()
    row = create("nursa", caller)
    before = list(SigningSecret.objects.values())
    for body in ([altered], [MASK, altered]):
        body = {"events": row.events, "secrets": body}
        answer = caller.send("PATCH", case("nursa").path(row), body)
        assert answer.status_code == 400
    path = f"/api/portal/v1/subscriptions/{row.id}/secrets?dialect=nursa"
    assert caller.send("POST", path, {"secret": altered}).status_code == 422
    assert list(SigningSecret.objects.values()) == before


def test_a_mask_is_no_secret_of_a_new_subscription():
    caller = limited()
    body = {**case("nursa").filled, "secrets": [MASK]}
    refused = caller.send(*case("nursa").create, body)
    assert refused.status_code == 400
    assert json.loads(refused.content)["error"] == "Bad Request"
    assert not Subscription.objects.exists()
    row = create("nursa", caller)
    with pytest.raises(given_secrets.MaskGiven):
        subscriptions.update(
            by=SYSTEM, subscription=row, change={"secrets": [MASK, MASK]}
        )


@pytest.mark.parametrize("slug", SHOWING)
def test_that_a_key_reads_secrets_is_recorded_once_an_hour(slug):
    caller = Caller()
    row = create(slug, caller)
    shown = AuditEntry.objects.filter(action="secrets.shown")

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert case(slug).ask(caller, row).status_code < 300
        return len(asked)

    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert case(slug).ask(caller, row).status_code < 300
        entry = shown.get()
        assert (entry.target_type, entry.target_id) == ("key", str(caller.key.id))
        assert (entry.actor_id, entry.dialect) == (str(caller.key.id), slug)
        with_secrets = statements()
        clock.shift(timedelta(minutes=59))
        case(slug).ask(caller, row)
        assert shown.count() == 1
        clock.shift(timedelta(minutes=1))
        case(slug).ask(caller, row)
        assert shown.count() == 2
        # A read that notes nothing costs as many statements as one that shows nothing.
        caller = limited(caller.partner)
        case(slug).ask(caller, row)
        assert statements() == with_secrets


@pytest.mark.parametrize("may_reveal", [True, False])
def test_staff_who_explore_need_the_permission(django_user_model, may_reveal):
    """Their every answer with secrets is recorded."""
    from django.contrib.auth.models import Permission

    user = django_user_model.objects.create_user("ann", is_staff=True)
    names = ["explore_partner", *(["reveal_secret"] if may_reveal else [])]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    caller = Caller()
    for _ in range(3):
        create("partnero", caller)
    browser = Client()
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    browser.post(f"/staff/partners/{caller.partner.id}/explore/")
    page = browser.get("/v1/webhooks", headers={"accept": "text/html"}).content.decode()
    assert any(secret in page for secret in plain()) is may_reveal
    assert (MASK in page) is not may_reveal
    shown = AuditEntry.objects.filter(action="secrets.shown")
    assert [e.target_type for e in shown] == ["partner"] * may_reveal
