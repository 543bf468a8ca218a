"""What a partner may have and ask for by the portal's own API, and revoking what a key made."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from tests import factories
from tests.api.calls import PROBLEM, body_of, errors_of
from tests.operations.outcomes import ended, hook, publish
from tests.operations.recovering import start
from tests.written import nothing_is_written
from webhooks.models import Answer, ApiKey, AuditEntry, Delivery, Event, Recovery
from webhooks.operations import deliveries, keys, limits, partners, testing
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def limit(partner, **numbers):
    partners.update(by=SYSTEM, partner=partner, limits=numbers)


def assert_reached(response, status, name, most):
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    body = json.loads(response.content)
    assert list(body) == ["type", "title", "status", "detail", "limit", "most"]
    assert body["type"] == "urn:webhook-portal:problem:limit-reached"
    assert (body["limit"], body["most"]) == (name, most)
    assert ("Retry-After" in response) is (status == 429)


# --- Tests and redeliveries -----------------------------------------------------------


def test_it_sends_so_many_tests_a_minute_to_a_subscription(send, partner):
    one, other = hook(partner), hook(partner, "https://other.example.com/")
    limit(partner, sends_per_minute_to_one=2, sends_per_minute=4)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(2):
            body_of(send("POST", f"/subscriptions/{one.public_id}/test", {}), 202)
            clock.shift(10)
        before = Event.objects.count(), Delivery.objects.count()
        with nothing_is_written():
            refused = send("POST", f"/subscriptions/{one.public_id}/test", {})
        assert_reached(refused, 429, "sends_per_minute_to_one", 2)
        assert refused["Retry-After"] == "40"
        assert (Event.objects.count(), Delivery.objects.count()) == before
        for _ in range(2):
            body_of(send("POST", f"/subscriptions/{other.public_id}/test", {}), 202)
        refused = send("POST", f"/subscriptions/{other.public_id}/test", {})
        assert_reached(refused, 429, "sends_per_minute", 4)
        clock.shift(int(refused["Retry-After"]))
        body_of(send("POST", f"/subscriptions/{one.public_id}/test", {}), 202)


def test_a_redelivery_counts_as_a_test_does(send, partner):
    made = hook(partner)
    old = ended(partner, "exhausted")
    waiting = publish(partner).deliveries.get()
    limit(partner, sends_per_minute=2)
    body_of(send("POST", f"/deliveries/{old.id}/redeliver", {}), 202)
    body_of(send("POST", f"/deliveries/{waiting.id}/redeliver", {}), 202)
    for each in (old, waiting):
        with nothing_is_written():
            refused = send("POST", f"/deliveries/{each.id}/redeliver", {})
        assert_reached(refused, 429, "sends_per_minute", 2)
    with pytest.raises(limits.LimitReached):
        testing.send(by=SYSTEM, subscription=made)


def test_so_many_redeliveries_wait(send, partner):
    hook(partner)
    old = ended(partner, "exhausted")
    limit(partner, sent_again=2)
    for _ in range(2):
        new = body_of(send("POST", f"/deliveries/{old.id}/redeliver", {}), 202)
    with nothing_is_written():
        refused = send("POST", f"/deliveries/{old.id}/redeliver", {})
    assert_reached(refused, 409, "sent_again", 2)
    assert Delivery.objects.pending().count() == 2
    Delivery.objects.filter(id=new["id"]).update(
        state="delivered", due_at=None, settled_at=timezone.now()
    )
    body_of(send("POST", f"/deliveries/{old.id}/redeliver", {}), 202)


def test_a_form_of_staff_says_that_a_limit_is_reached(
    admin_client, partner, templates_of_others
):
    made = hook(partner)
    old = ended(partner, "exhausted")
    limit(partner, sends_per_minute=0)
    for page, id in (("test-subscription", made.id), ("redeliver", old.id)):
        form = {"type": "webhook.test", "bytes": "same"}
        answer = admin_client.post(reverse(f"staff:{page}", args=[id]), form)
        assert answer.status_code == 422
        assert "The limit of 0 requests a minute by tests and redeliveries" in (
            answer.content.decode()
        )
    assert not Delivery.objects.pending().exists()


def test_a_test_counts_for_each_of_its_urls(partner):
    made = hook(partner, *(f"https://receiver.example.com/{n}" for n in range(4)))
    limit(partner, sends_per_minute=9)
    for _ in range(2):
        testing.send(by=SYSTEM, subscription=made)
    with pytest.raises(limits.LimitReached, match="The limit of 9 requests"):
        testing.send(by=SYSTEM, subscription=made)


# --- Recoveries and idempotency keys --------------------------------------------------


def test_so_many_recoveries_run_at_once(send, partner):
    hook(partner)
    ended(partner, "exhausted")
    limit(partner, recoveries=1)
    first = start(partner, "exhausted")
    since = (timezone.now() - DAY).isoformat()
    body = {"outcomes": ["exhausted"], "since": since}
    with nothing_is_written():
        refused = send("POST", "/recoveries", body)
    assert_reached(refused, 409, "recoveries", 1)
    assert Recovery.objects.count() == 1
    body_of(send("POST", f"/recoveries/{first.id}/cancel"))
    body_of(send("POST", "/recoveries", body), 202)


def test_so_many_idempotency_keys_are_kept(send, partner):
    limit(partner, idempotency_keys=2)
    body = {"url": "https://receiver.example.com/"}
    for key in ("one", "two"):
        body_of(send("POST", "/subscriptions", body, Idempotency_Key=key), 201)
    with nothing_is_written():
        refused = send("POST", "/subscriptions", body, Idempotency_Key="three")
    assert_reached(refused, 429, "idempotency_keys", 2)
    assert Answer.objects.count() == 2
    # A repeat needs no room, nor does a request without a key.
    body_of(send("POST", "/subscriptions", body, Idempotency_Key="two"), 201)
    body_of(send("POST", "/subscriptions", body), 201)


# --- Keys -----------------------------------------------------------------------------


def test_a_partner_has_so_many_keys_and_may_always_rotate(partner, key, admin_client):
    own = ApiKey.objects.get()
    limit(partner, keys=1)
    with pytest.raises(limits.LimitReached):
        factories.key(partner)
    with pytest.raises(CommandError, match="The limit of 1 API keys is reached"):
        call_command("issue_key", partner.name)
    new, _ = keys.rotate(by=SYSTEM, key=own)
    with pytest.raises(limits.LimitReached):
        factories.key(partner)
    keys.revoke(by=SYSTEM, key=new)
    factories.key(partner)
    assert ApiKey.objects.count() == 3


def test_so_many_keys_of_one_chain_work(send, partner, key):
    own = ApiKey.objects.get()
    limit(partner, key_chain=3)
    path = f"/keys/{own.id}/rotate"
    for _ in range(2):
        body_of(send("POST", path, {}), 201)
    before = list(ApiKey.objects.order_by("id").values())
    with nothing_is_written():
        refused = send("POST", path, {})
    assert_reached(refused, 409, "key_chain", 3)
    own.refresh_from_db()
    after = [
        {**row, "last_used_at": None} for row in ApiKey.objects.order_by("id").values()
    ]
    assert after == [{**row, "last_used_at": None} for row in before]
    # Without an overlap those that it replaces end at once.
    body_of(send("POST", path, {"overlap_seconds": 0}), 201)


def test_a_publishers_keys_are_held_to_the_setting(settings):
    settings.LIMIT_KEY_CHAIN = 2
    old, _ = factories.key(None)
    keys.rotate(by=SYSTEM, key=old)
    with pytest.raises(limits.LimitReached):
        keys.rotate(by=SYSTEM, key=old)


def chain(partner, length=4):
    """A key, and those that rotations made of it, the oldest first."""
    rows = [factories.key(partner)[0]]
    for _ in range(length - 1):
        rows.append(keys.rotate(by=SYSTEM, key=rows[-1])[0])
    return rows


def revoked(rows):
    found = ApiKey.objects.in_bulk([row.pk for row in rows])
    return [found[row.pk].is_revoked for row in rows]


def test_revoking_a_key_takes_what_was_made_of_it(send, partner):
    rows = chain(partner)
    body = body_of(send("POST", f"/keys/{rows[1].id}/revoke"))
    assert body["id"] == str(rows[1].id)
    assert body["revoked_at"]
    assert body["also_revoked"] == [str(rows[2].id), str(rows[3].id)]
    assert revoked(rows) == [False, True, True, True]
    entries = AuditEntry.objects.filter(action="key.revoked").order_by("id")
    asked, *others = entries
    assert asked.after["also_revoked"] == body["also_revoked"]
    assert {e.after["revoked_with"] for e in others} == {str(rows[1].id)}
    again = body_of(send("POST", f"/keys/{rows[1].id}/revoke"))
    assert again["also_revoked"] == []
    assert entries.count() == 3


def test_revoking_leaves_it_where_that_is_asked_for(send, partner):
    rows = chain(partner)
    body = body_of(send("POST", f"/keys/{rows[0].id}/revoke", {"descendants": False}))
    assert body["also_revoked"] == []
    assert revoked(rows) == [True, False, False, False]
    # Asked again without that, it takes them all the same.
    body = body_of(send("POST", f"/keys/{rows[0].id}/revoke"))
    assert len(body["also_revoked"]) == 3
    (error,) = errors_of(send("POST", f"/keys/{rows[0].id}/revoke", {"descendants": 1}))
    assert error["pointer"] == "#/descendants"


def test_a_stolen_key_leaves_nothing_that_works(send, partner):
    stolen, text = factories.key(partner)
    minted = body_of(
        send(
            "POST", f"/keys/{stolen.id}/rotate", {"overlap_seconds": 604800}, key=text
        ),
        201,
    )["key"]
    keys.revoke(by=SYSTEM, key=stolen)
    for each in (text, minted):
        assert send("GET", "/me", key=each).status_code == 401


def test_the_console_names_what_it_revokes(admin_client, partner, templates_of_others):
    rows = chain(partner, 3)
    address = reverse("staff:revoke-key", args=[rows[0].id])
    page = admin_client.get(address).content.decode()
    for made in rows[1:]:
        assert f"whk_{made.prefix}" in page
    assert "The keys made of it are revoked with it" in page
    assert "Let the keys that were made of it go on working" in page
    admin_client.post(address, {"keep_descendants": "on"})
    assert revoked(rows) == [True, False, False]
    # Of one that is revoked already, what was made of it can be taken later.
    shown = admin_client.get(reverse("staff:key", args=[rows[0].id])).content.decode()
    assert "Revoke the keys made of it" in shown
    assert f"whk_{rows[2].prefix}" in shown
    assert "is revoked already" in admin_client.get(address).content.decode()
    admin_client.post(address, {})
    assert revoked(rows) == [True, True, True]
    assert admin_client.get(address).status_code == 302


def test_a_redelivery_by_staff_notes_the_subscription(partner):
    made = hook(partner)
    waiting = publish(partner).deliveries.get()
    deliveries.redeliver(by=SYSTEM, delivery=waiting)
    entry = AuditEntry.objects.get(action="delivery.sent_now")
    assert entry.after == {"subscription": str(made.id), "urls": 1}
