"""A partner's log by REST, redelivery, and tests."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.utils import timezone

from tests import factories
from tests.api.calls import assert_problem, below, body_of, conflict_of, errors_of
from tests.operations.outcomes import URL, ended, hook, publish, settle
from webhooks.models import Attempt, AuditEntry, Delivery, Event
from webhooks.operations import keys, subscriptions
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db


def ids(response):
    return [row["id"] for row in body_of(response)["data"]]


def z(moment):
    return moment.isoformat().replace("+00:00", "Z")


def attempted(delivery, **fields):
    """An attempt of the delivery, which ended with it."""
    fields = {"outcome": "status", "status": 500, "duration_ms": 12} | fields
    made = Attempt.objects.create(
        delivery=delivery, number=1, started_at=timezone.now(), **fields
    )
    Delivery.objects.filter(id=delivery.id).update(
        attempts=1, last_outcome=made.outcome, last_status=made.status
    )
    return made


# --- The log -------------------------------------------------------------------------


def test_it_lists_what_was_sent_the_latest_first(send, partner):
    made = hook(partner)
    old = ended(partner, "exhausted")
    attempted(old)
    new = publish(partner).deliveries.get()
    body = body_of(send("GET", "/deliveries"))
    assert [row["id"] for row in body["data"]] == [str(new.id), str(old.id)]
    old.refresh_from_db()
    assert body["data"][1] == {
        "id": str(old.id),
        "event": {
            "id": str(old.event_id),
            "type": "order.created",
            "occurred_at": z(old.event.occurred_at),
        },
        "dialect": "portal",
        "subscription": made.public_id,
        "url": URL,
        "state": "exhausted",
        "attempts": 1,
        "last_status": 500,
        "error": "The endpoint answered with status 500.",
        "reason": None,
        "created_at": z(old.created_at),
        "next_attempt_at": None,
        "settled_at": z(old.settled_at),
        "redelivery_of": None,
        "is_rerendered": False,
        "recovery": None,
    }
    assert body["data"][0]["next_attempt_at"] == z(new.due_at)
    assert body["data"][0]["error"] is None


def test_it_filters_by_state_subscription_type_and_time(send, partner):
    one = hook(partner)
    now = timezone.now()
    first = publish(partner, "a", now=now - timedelta(minutes=30)).deliveries.get()
    settle(first, "delivered")
    second = publish(partner, "b", now=now - timedelta(minutes=20)).deliveries.get()
    subscriptions.delete(by=SYSTEM, subscription=one)
    other = factories.subscription(partner, "capa", profile="standard")
    third = publish(partner, "b", now=now - timedelta(minutes=10)).deliveries.get()
    since, until = z(now - timedelta(minutes=20)), z(now - timedelta(minutes=10))
    for query, expected in (
        ("state=delivered", [first]),
        ("state=cancelled", [second]),
        ("event_type=b", [third, second]),
        ("event_type=B", []),
        (f"subscription={one.public_id}", [second, first]),
        (f"subscription={other.public_id}", []),
        (f"subscription={other.public_id}&dialect=capa", [third]),
        ("dialect=portal", [second, first]),
        (f"since={since}", [third, second]),
        (f"until={until}", [second, first]),
        (f"since={since}&until={until}&event_type=b", [second]),
        ("state=pending&event_type=a", []),
        ("since=0001-01-01T00:00:00Z&event_type=a", [first]),
        ("until=9999-12-31T23:59:59Z&event_type=a", [first]),
        ("since=9999-12-31T23:59:59Z", []),
        ("until=0001-01-01T00:00:00Z", []),
    ):
        found = ids(send("GET", f"/deliveries?{query}"))
        assert found == [str(d.id) for d in expected], query


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("state=lost", "state"),
        ("since=yesterday", "since"),
        ("until=2026-01-01T00:00:00", "until"),
        ("event_type=%00", "event_type"),
        ("subscription=" + "x" * 65, "subscription"),
        ("limit=0", "limit"),
        ("cursor=WyJ4Il0", "cursor"),  # ["x"]
        ("cursor=W10", "cursor"),
    ],
)
def test_it_names_the_parameter_that_is_wrong(send, query, parameter):
    (error,) = errors_of(send("GET", f"/deliveries?{query}"))
    assert error["parameter"] == parameter
    assert error["detail"]


def test_it_pages_with_its_filters_and_without_a_gap(send, partner):
    hook(partner)
    made = []
    for _ in range(5):
        made.append(publish(partner, "a"))
        publish(partner, "b")
    seen, path = (
        [],
        "/deliveries?limit=2&event_type=a&since=2026-01-01T00:00:00%2B01:00",
    )
    while path:
        body = body_of(send("GET", path))
        assert len(body["data"]) <= 2
        seen += [row["event"]["id"] for row in body["data"]]
        path = body["next"] and below(body["next"])
    assert seen == [str(event.id) for event in reversed(made)]


def test_it_lists_in_two_statements_however_many_there_are(
    send, partner, django_assert_num_queries
):
    hook(partner)
    send("GET", "/deliveries")
    for count in (1, 10):
        for _ in range(count):
            publish(partner)
        with django_assert_num_queries(2):
            assert ids(send("GET", "/deliveries"))


# --- One -----------------------------------------------------------------------------


def test_it_shows_every_attempt(send, partner, django_assert_num_queries):
    hook(partner)
    row = ended(partner, "exhausted", data={"id": 7})
    made = attempted(
        row,
        request_headers={"webhook-id": "x"},
        request_body=b"{}",
        response_headers=[["Server", "nginx"]],
        response_body=b"<b>\xff",
        error="10.0.0.7:443 said no",
    )
    send("GET", "/me")
    with django_assert_num_queries(3):
        response = send("GET", f"/deliveries/{row.id}")
    body = body_of(response)
    assert body["data"] == {"id": 7}
    assert body["attempt_log"] == [
        {
            "number": 1,
            "started_at": z(made.started_at),
            "duration_ms": 12,
            "status": 500,
            "error": "The endpoint answered with status 500.",
            "request_headers": {"webhook-id": "x"},
            "response_headers": [["Server", "nginx"]],
            "response_body": "<b>\N{REPLACEMENT CHARACTER}",
        }
    ]
    assert b"10.0.0.7" not in response.content


def test_what_failed_without_an_answer_is_told_alike(send, partner):
    hook(partner)
    shown = set()
    for outcome in ("refused", "dns", "connect", "tls", "timeout", "bad_answer"):
        row = ended(partner, "exhausted")
        attempted(
            row,
            outcome=outcome,
            status=None,
            duration_ms=len(outcome),
            error=f"{outcome} at 10.0.0.7",
            response_headers=[["X", outcome]],
            response_body=outcome.encode(),
        )
        for path in (f"/deliveries/{row.id}", "/deliveries?limit=1"):
            content = send("GET", path).content.decode()
            assert "10.0.0.7" not in content
            assert f'"{outcome}"' not in content
        body = body_of(send("GET", f"/deliveries/{row.id}"))
        (attempt,) = body["attempt_log"]
        del attempt["started_at"]
        shown.add((body["error"], json.dumps(attempt)))
    ((error, _),) = shown
    assert error == "The endpoint could not be reached."


@pytest.mark.parametrize(
    ("outcome", "status", "error"),
    [
        ("ok", 204, None),
        (
            "redirect",
            302,
            "The endpoint answered with a redirect, which is not followed.",
        ),
        ("error", None, "The portal could not make the request."),
    ],
)
def test_it_says_in_words_what_was_wrong(send, partner, outcome, status, error):
    hook(partner)
    row = ended(partner, "exhausted")
    attempted(row, outcome=outcome, status=status)
    assert body_of(send("GET", f"/deliveries/{row.id}"))["error"] == error


# --- Again ---------------------------------------------------------------------------


def test_it_sends_one_again(send, partner):
    hook(partner)
    row = ended(partner, "delivered")
    body = body_of(send("POST", f"/deliveries/{row.id}/redeliver", {}), 202)
    new = Delivery.objects.pending().get()
    assert body["id"] == str(new.id)
    assert (body["redelivery_of"], body["state"]) == (str(row.id), "pending")
    assert body["is_rerendered"] is False
    again = send("POST", f"/deliveries/{row.id}/redeliver", {"rerender": True})
    assert body_of(again, 202)["is_rerendered"] is True
    actors = set(AuditEntry.objects.filter(target_type="delivery").values_list("actor"))
    assert len(actors) == 1
    assert actors.pop()[0].startswith("CRM")


def test_a_repeat_sends_it_once(send, partner):
    hook(partner)
    row = ended(partner, "delivered")
    path = f"/deliveries/{row.id}/redeliver"
    first = send("POST", path, Idempotency_Key="k1")
    settle(Delivery.objects.pending().get(), "delivered")
    again = send("POST", path, Idempotency_Key="k1")
    assert body_of(again, 202) == body_of(first, 202)
    assert Delivery.objects.count() == 2
    other = send(
        "POST", f"/deliveries/{again.json()['id']}/redeliver", Idempotency_Key="k1"
    )
    assert other.status_code == 422
    assert other.json()["type"].endswith(":idempotency-key-reused")


def test_one_that_waits_is_sent_now(send, partner):
    hook(partner)
    row = publish(partner).deliveries.get()
    Delivery.objects.update(due_at=timezone.now() + timedelta(hours=5), attempts=2)
    path = f"/deliveries/{row.id}/redeliver"
    assert body_of(send("POST", path), 202)["id"] == str(row.id)
    row.refresh_from_db()
    assert row.due_at <= timezone.now()
    assert "only what has ended" in conflict_of(send("POST", path, {"rerender": True}))
    Delivery.objects.update(claim_token=uuid4())
    assert "under way" in conflict_of(send("POST", path))
    shown = body_of(send("GET", f"/deliveries/{row.id}"))
    assert shown["next_attempt_at"] is None


def test_it_says_why_one_cannot_be_sent(send, partner):
    made = hook(partner)
    row = ended(partner, "exhausted")
    path = f"/deliveries/{row.id}/redeliver"
    subscriptions.delete(by=SYSTEM, subscription=made)
    response = send("POST", path)
    assert conflict_of(response) == "The subscription was deleted."
    assert response.json()["type"] == "urn:webhook-portal:problem:not-receiving"
    for body in ({"rerender": "yes"}, {"x": 1}):
        assert errors_of(send("POST", path, body))
    assert Delivery.objects.count() == 1


# --- Tests ---------------------------------------------------------------------------


def test_it_sends_a_test_to_one_subscription(send, partner):
    made = hook(partner, events=["a"])
    hook(partner)
    path = f"/subscriptions/{made.public_id}/test"
    body = body_of(send("POST", path, {}, Idempotency_Key="k1"), 202)
    assert body["event"]["type"] == "webhook.test"
    (sent,) = body["deliveries"]
    assert (sent["subscription"], sent["state"]) == (made.public_id, "pending")
    assert ids(send("GET", "/deliveries")) == [sent["id"]]
    again = send("POST", path, {}, Idempotency_Key="k1")
    assert body_of(again, 202) == body
    assert Event.objects.count() == 1
    typed = send("POST", path, {"event_type": "order.created"})
    assert body_of(typed, 202)["event"]["type"] == "order.created"


def test_it_tests_the_subscription_of_a_dialect(send, partner):
    made = factories.subscription(partner, "blaze", events=["NEW_MEMBER"])
    path = f"/subscriptions/{made.public_id}/test?dialect=blaze"
    assert body_of(send("POST", path), 202)["event"]["type"] == "member.created"
    unnamed = send("POST", path, {"event_type": "webhook.test"})
    assert "no name" in conflict_of(unnamed)


def test_it_says_why_nothing_can_be_tested(send, partner):
    made = hook(partner, is_active=False)
    response = send("POST", f"/subscriptions/{made.public_id}/test")
    assert conflict_of(response) == "The subscription is switched off."
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_test_arrives(send, partner, receiver):
    made = hook(
        partner,
        receiver.url("/hook"),
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    body_of(send("POST", f"/subscriptions/{made.public_id}/test"), 202)
    call_command("deliver", until_idle=True)
    (request,) = receiver.requests
    assert json.loads(request.body)["type"] == "webhook.test"
    (row,) = body_of(send("GET", "/deliveries"))["data"]
    assert (row["state"], row["last_status"]) == ("delivered", 200)


# --- Whose ---------------------------------------------------------------------------


def test_a_key_bound_to_a_shop_sees_that_shops_only(send, partner):
    _, bound = factories.key(partner, scopes=["shop:s1"])
    hook(partner, shop_id="s1")
    hook(partner)
    event = publish(partner)
    mine = event.deliveries.get(subscription__shop_id="s1")
    theirs = event.deliveries.get(subscription__shop_id="")
    assert ids(send("GET", "/deliveries", key=bound)) == [str(mine.id)]
    assert send("GET", f"/deliveries/{mine.id}", key=bound).status_code == 200
    for method, path in (("GET", ""), ("POST", "/redeliver")):
        response = send(method, f"/deliveries/{theirs.id}{path}", key=bound)
        assert_problem(response, 404, "Not Found", "There is no such object.")


def test_a_reading_key_sends_nothing(send, partner):
    _, reader = factories.key(partner, scopes=[keys.READ])
    made = hook(partner)
    row = ended(partner, "exhausted")
    assert send("GET", f"/deliveries/{row.id}", key=reader).status_code == 200
    for path in (f"/deliveries/{row.id}/redeliver", f"/subscriptions/{made.id}/test"):
        assert send("POST", path, key=reader).status_code == 403
