"""Bulk replays by REST."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests import factories
from tests.api.calls import assert_problem, below, body_of, conflict_of, errors_of
from tests.operations.outcomes import ended, hook, publish
from webhooks.models import AuditEntry, Delivery, Recovery
from webhooks.operations import keys, recoveries, recovery_selection, subscriptions
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db

SHOWN = [
    "id",
    "state",
    "outcomes",
    "since",
    "until",
    "dialect",
    "subscription",
    "event_types",
    "is_rerendered",
    "total",
    "is_total_exact",
    "done",
    "deliveries",
    "created_at",
    "finished_at",
]


def z(moment):
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture
def since():
    return z(timezone.now() - timedelta(minutes=30))


def advance():
    recoveries.advance()


def test_it_counts_what_would_be_replayed(send, partner, since):
    made = hook(partner)
    for state in ("exhausted", "exhausted", "cancelled", "delivered"):
        ended(partner, state)
    asked = {"since": since, "outcomes": ["exhausted", "cancelled"]}
    assert body_of(send("POST", "/recoveries/preview", asked)) == {
        "counts": {"exhausted": 2, "cancelled": 1},
        "total": 3,
        "is_total_exact": True,
    }
    asked |= {"outcomes": ["missed"], "subscription": made.public_id}
    assert body_of(send("POST", "/recoveries/preview", asked))["total"] == 0
    assert not Recovery.objects.exists()
    assert Delivery.objects.count() == 4


def test_it_says_where_it_counted_not_all(send, partner, since, monkeypatch):
    monkeypatch.setattr(recovery_selection, "MOST_COUNTED", 1)
    hook(partner)
    for _ in range(2):
        ended(partner, "exhausted")
    asked = {"since": since, "outcomes": ["exhausted"]}
    for path, status in (("/recoveries/preview", 200), ("/recoveries", 202)):
        found = body_of(send("POST", path, asked), status)
        assert (found["total"], found["is_total_exact"]) == (1, False)


def test_it_is_started_watched_and_listed(send, partner, since):
    made = factories.subscription(partner, "capa", profile="standard")
    ended(partner, "exhausted", type="a")
    ended(partner, "exhausted", type="b")
    asked = {
        "since": since,
        "outcomes": ["exhausted"],
        "subscription": made.public_id,
        "dialect": "capa",
        "event_types": ["a"],
        "rerender": True,
    }
    response = send("POST", "/recoveries", asked)
    started = body_of(response, 202)
    row = Recovery.objects.get()
    assert list(started) == SHOWN
    assert started == {
        "id": str(row.id),
        "state": "running",
        "outcomes": ["exhausted"],
        "since": since,
        "until": z(row.started_at),
        "dialect": "capa",
        "subscription": made.public_id,
        "event_types": ["a"],
        "is_rerendered": True,
        "total": 1,
        "is_total_exact": True,
        "done": 0,
        "deliveries": {"pending": 0, "delivered": 0, "exhausted": 0, "cancelled": 0},
        "created_at": z(row.created_at),
        "finished_at": None,
    }
    assert response["Location"].endswith(f"/recoveries/{row.id}")
    assert row.actor.startswith("CRM")
    advance()
    watched = body_of(send("GET", f"/recoveries/{row.id}"))
    assert (watched["state"], watched["done"]) == ("done", 1)
    assert watched["deliveries"]["pending"] == 1
    assert watched["finished_at"]
    assert body_of(send("GET", "/recoveries")) == {"data": [watched], "next": None}
    (queued,) = body_of(send("GET", "/deliveries?state=pending"))["data"]
    assert queued["recovery"] == str(row.id)


def test_a_repeat_starts_nothing(send, partner, since):
    hook(partner)
    asked = {"since": since, "outcomes": ["exhausted"]}
    first = send("POST", "/recoveries", asked, Idempotency_Key="k1")
    again = send("POST", "/recoveries", asked, Idempotency_Key="k1")
    assert body_of(first, 202) == body_of(again, 202)
    assert first["Location"] == again["Location"]
    assert again["Idempotent-Replayed"] == "true"
    assert Recovery.objects.count() == 1


def test_it_is_cancelled_with_what_waits(send, partner, since):
    hook(partner)
    ended(partner, "exhausted")
    asked = {"since": since, "outcomes": ["exhausted"]}
    id = body_of(send("POST", "/recoveries", asked), 202)["id"]
    advance()
    for _ in range(2):
        body = body_of(send("POST", f"/recoveries/{id}/cancel"))
        assert body["state"] == "cancelled"
        assert body["deliveries"] == {
            "pending": 0,
            "delivered": 0,
            "exhausted": 0,
            "cancelled": 1,
        }
    assert AuditEntry.objects.get(action="recovery.cancelled").actor.startswith("CRM")
    asked["outcomes"] = ["delivered"]
    over = body_of(send("POST", "/recoveries", asked), 202)["id"]
    advance()
    assert "has ended" in conflict_of(send("POST", f"/recoveries/{over}/cancel"))


OK = {"since": "2026-01-01T00:00:00Z", "outcomes": ["exhausted"]}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/since"),
        ({"outcomes": ["exhausted"]}, "#/since"),
        (OK | {"outcomes": []}, "#/outcomes"),
        (OK | {"outcomes": ["lost"]}, "#/outcomes/0"),
        (OK | {"outcomes": "exhausted"}, "#/outcomes"),
        (OK | {"outcomes": ["missed"]}, "#/subscription"),
        (OK | {"subscription": "unknown"}, "#/subscription"),
        (OK | {"since": "yesterday"}, "#/since"),
        (OK | {"since": "9999-12-31T23:59:59Z"}, "#/since"),
        (OK | {"until": "0001-01-01T00:00:00Z"}, "#/since"),
        (OK | {"until": None}, "#/until"),
        (OK | {"event_types": [7]}, "#/event_types/0"),
        (OK | {"event_types": ["a"] * 201}, "#/event_types"),
        (OK | {"partner": "x"}, "#/partner"),
    ],
    ids=str,
)
def test_it_points_at_what_is_wrong(send, partner, body, pointer):
    hook(partner)
    for path in ("/recoveries/preview", "/recoveries"):
        pointers = [error["pointer"] for error in errors_of(send("POST", path, body))]
        assert pointer in pointers
    assert not Recovery.objects.exists()


def test_it_says_why_nothing_can_be_sent(send, partner, since):
    made = hook(partner)
    asked = {
        "since": since,
        "outcomes": ["exhausted"],
        "subscription": made.public_id,
    }
    subscriptions.update(by=SYSTEM, subscription=made, change={"is_active": False})
    for path in ("/recoveries/preview", "/recoveries"):
        response = send("POST", path, asked)
        assert conflict_of(response) == "The subscription is switched off."
        assert response.json()["type"].endswith(":not-receiving")


def test_it_pages_in_four_statements_however_many_there_are(
    send, partner, django_assert_num_queries
):
    made = hook(partner)
    asked = OK | {"subscription": made.public_id}
    started = [body_of(send("POST", "/recoveries", asked), 202)["id"] for _ in range(5)]
    seen, path = [], "/recoveries?limit=2"
    while path:
        with django_assert_num_queries(4):
            body = body_of(send("GET", path))
        seen += [row["id"] for row in body["data"]]
        path = body["next"] and below(body["next"])
    assert seen == started[::-1]


def test_a_key_bound_to_a_shop_recovers_that_shops_only(send, partner):
    _, bound = factories.key(partner, scopes=["shop:s1"])
    mine, theirs = hook(partner, shop_id="s1"), hook(partner)
    publish(partner)
    for body in (OK, OK | {"subscription": theirs.public_id}):
        (error,) = errors_of(send("POST", "/recoveries", body, key=bound))
        assert error["pointer"] == "#/subscription"
    own = OK | {"subscription": mine.public_id}
    id = body_of(send("POST", "/recoveries", own, key=bound), 202)["id"]
    others = [
        body_of(send("POST", "/recoveries", body), 202)["id"]
        for body in (OK, OK | {"subscription": theirs.public_id})
    ]
    listed = body_of(send("GET", "/recoveries", key=bound))["data"]
    assert [row["id"] for row in listed] == [id]
    assert send("GET", f"/recoveries/{id}", key=bound).status_code == 200
    for other in others:
        for method, path in (("GET", ""), ("POST", "/cancel")):
            response = send(method, f"/recoveries/{other}{path}", key=bound)
            assert_problem(response, 404, "Not Found", "There is no such object.")


def test_a_reading_key_starts_nothing(send, partner):
    _, reader = factories.key(partner, scopes=[keys.READ])
    assert send("GET", "/recoveries", key=reader).status_code == 200
    assert send("POST", "/recoveries", OK, key=reader).status_code == 403
