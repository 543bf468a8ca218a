"""A partner's subscriptions in the portal's own words, its key, and the event types."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
import time_machine
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from tests import factories
from tests.api.calls import PREFIX, assert_problem, below, body_of, call, errors_of
from tests.dialects.suite import json_values
from tests.examples import examples
from webhooks.models import ApiKey, AuditEntry, Delivery, EventType, Subscription
from webhooks.operations import events, keys, partners, subscriptions
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 2, 0, 0, 123456, tzinfo=UTC)
NOW_TEXT = "2026-11-21T02:00:00.123456Z"
URL = "https://receiver.example.com/hook"
SHOWN = [
    "id",
    "url",
    "events",
    "name",
    "shop_id",
    "is_active",
    "max_in_flight",
    "rate_per_minute",
    "is_ordered",
    "disabled_at",
    "disabled_reason",
    "created_at",
    "updated_at",
]


@pytest.fixture
def create(send):
    def create(*, headers=None, key_text=None, **body):
        body.setdefault("url", URL)
        more = {"key": key_text} if key_text else {}
        return send("POST", "/subscriptions", body, **more, **(headers or {}))

    return create


def own(partner, **fields):
    return factories.subscription(partner, "portal", profile="standard", **fields)


# --- Who is calling ------------------------------------------------------------------


def test_it_says_whose_key_it_is(send, partner):
    row = ApiKey.objects.get(partner=partner)
    assert body_of(send("GET", "/me")) == {
        "partner": {"id": str(partner.id), "name": partner.name},
        "key": {
            "id": str(row.id),
            "name": "CRM",
            "prefix": row.prefix,
            "scopes": [],
            "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
            "expires_at": None,
        },
    }


def test_it_shows_staff_who_explore_the_partner_and_no_key(client, admin_user, partner):
    client.force_login(admin_user)
    session = client.session
    session["explored_partner"] = str(partner.id)
    session.save()
    response = call(client, "GET", "/me", Accept="text/html")
    assert response.status_code == 200
    assert partner.name in response.content.decode()


def test_it_takes_no_publishers_key(send):
    for path in ("/me", "/event-types", "/subscriptions", "/subscriptions/1"):
        response = send("GET", path, key=factories.key(None)[1])
        assert response.status_code == 403


def test_it_refuses_the_keys_of_an_inactive_partner(send, partner):
    partners.update(by=SYSTEM, partner=partner, is_active=False)
    response = send("GET", "/me")
    assert response.status_code == 403
    assert json.loads(response.content) == {
        "type": "urn:webhook-portal:problem:partner-inactive",
        "title": "The partner is inactive.",
        "status": 403,
        "detail": "The partner that the key belongs to is switched off.",
    }


def test_it_lets_a_reading_key_read_only(send, create, partner):
    _, reader = factories.key(partner, scopes=[keys.READ])
    assert send("GET", "/subscriptions", key=reader).status_code == 200
    assert create(key_text=reader).status_code == 403


# --- Types of events -----------------------------------------------------------------


def test_it_lists_the_types_of_events_in_pages(send):
    EventType.objects.all().delete()
    for name in ("c", "a", "b"):
        EventType.objects.create(name=name, description=f"The {name}.", example={})
    first = body_of(send("GET", "/event-types?limit=2"))
    assert first["data"] == [
        {"name": n, "description": f"The {n}.", "schema": None, "example": {}}
        for n in ("a", "b")
    ]
    rest = body_of(send("GET", below(first["next"])))
    assert [row["name"] for row in rest["data"]] == ["c"]
    assert rest["next"] is None


# --- Subscribing ---------------------------------------------------------------------


@time_machine.travel(NOW, tick=False)
def test_it_subscribes_a_url_and_shows_the_secret(create, partner):
    response = create(events=["customer.created"], name="CRM")
    row = Subscription.objects.get()
    (secret,) = row.live_secrets(NOW)
    body = body_of(response, 201)
    assert list(body) == [*SHOWN, "secret"]
    assert body == {
        "id": str(row.id),
        "url": URL,
        "events": ["customer.created"],
        "name": "CRM",
        "shop_id": "",
        "is_active": True,
        "max_in_flight": None,
        "rate_per_minute": None,
        "is_ordered": False,
        "disabled_at": None,
        "disabled_reason": None,
        "created_at": NOW_TEXT,
        "updated_at": NOW_TEXT,
        "secret": secret,
    }
    assert secret.startswith("whsec_")
    assert response["Location"] == f"{PREFIX}/subscriptions/{row.id}"
    assert (row.partner, row.profile) == (partner, "standard")
    entry = AuditEntry.objects.get(action="subscription.created")
    assert entry.dialect == "portal"
    assert secret not in json.dumps(entry.after)


def test_it_never_shows_the_secret_again(create, send):
    made = body_of(create(), 201)
    path = f"/subscriptions/{made['id']}"
    shown = body_of(send("GET", path))
    assert list(shown) == SHOWN
    for response in (send("GET", "/subscriptions"), send("PATCH", path, {"name": "x"})):
        assert made["secret"].encode() not in response.content


def test_it_subscribes_to_everything_unless_told_otherwise(create):
    assert body_of(create(), 201)["events"] is None
    assert body_of(create(events=[]), 201)["events"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": None}, "#/url"),
        ({"url": 7}, "#/url"),
        ({"url": "http://example.com"}, "#/url"),
        ({"url": "https://10.0.0.1/"}, "#/url"),
        ({"url": "https://example.com/" + "x" * 2048}, "#/url"),
        ({"events": "customer.created"}, "#/events"),
        ({"events": ["customer created"]}, "#/events/0"),
        ({"events": ["a", "b\n"]}, "#/events/1"),
        ({"events": ["a", "b "]}, "#/events/1"),
        ({"events": [7]}, "#/events/0"),
        ({"events": ["a"] * 201}, "#/events"),
        ({"name": "x" * 256}, "#/name"),
        ({"name": 7}, "#/name"),
        ({"shop_id": None}, "#/shop_id"),
        ({"is_active": "yes"}, "#/is_active"),
        ({"max_in_flight": 0}, "#/max_in_flight"),
        ({"max_in_flight": 1001}, "#/max_in_flight"),
        ({"max_in_flight": "5"}, "#/max_in_flight"),
        ({"rate_per_minute": 60_001}, "#/rate_per_minute"),
        ({"rate_per_minute": True}, "#/rate_per_minute"),
        ({"rate_per_minute": 1.5}, "#/rate_per_minute"),
        ({"is_ordered": None}, "#/is_ordered"),
        ({"secret": "whsec_x"}, "#/secret"),
        ({"id": "x"}, "#/id"),
    ],
)
def test_it_points_at_what_is_wrong(create, send, partner, body, pointer):
    (error, *_) = errors_of(create(**body))
    assert error["pointer"] == pointer
    assert not Subscription.objects.exists()
    path = f"/subscriptions/{own(partner).public_id}"
    (error, *_) = errors_of(send("PATCH", path, body))
    assert error["pointer"] == pointer


def test_it_asks_for_a_url(send):
    (error,) = errors_of(send("POST", "/subscriptions", {}))
    assert error == {"pointer": "#/url", "detail": "This field is required."}


# --- Once ----------------------------------------------------------------------------


def test_it_creates_once_under_an_idempotency_key(create):
    first = create(headers={"Idempotency_Key": "k1"})
    again = create(headers={"Idempotency_Key": '"k1"'})
    assert body_of(first, 201) == body_of(again, 201)
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert Subscription.objects.count() == 1


def test_it_refuses_a_key_that_created_another(create):
    create(headers={"Idempotency_Key": "k1"})
    response = create(headers={"Idempotency_Key": "k1"}, name="Other")
    problem = json.loads(response.content)
    assert response.status_code == 422
    assert problem["type"].endswith(":idempotency-key-reused")
    assert problem["errors"][0]["header"] == "Idempotency-Key"
    (error,) = errors_of(create(headers={"Idempotency_Key": '"'}))
    assert error["header"] == "Idempotency-Key"


def test_it_keeps_the_keys_of_partners_apart(create):
    _, other = factories.key(factories.partner())
    mine = body_of(create(headers={"Idempotency_Key": "k1"}), 201)
    theirs = body_of(create(headers={"Idempotency_Key": "k1"}, key_text=other), 201)
    assert mine["id"] != theirs["id"]


def test_a_key_of_another_shop_is_not_answered(create, partner):
    texts = [
        factories.key(partner, scopes=[keys.WRITE, f"shop:{shop}"])[1]
        for shop in ("s1", "s2")
    ]
    first, second = (
        create(headers={"Idempotency_Key": "k1"}, key_text=text) for text in texts
    )
    assert body_of(first, 201)["shop_id"] == "s1"
    assert second.status_code == 422
    assert json.loads(second.content)["type"].endswith(":idempotency-key-reused")


# --- Lists ---------------------------------------------------------------------------


def test_it_lists_only_what_was_made_here_by_the_partner(send, partner):
    mine = own(partner)
    own(factories.partner())
    factories.subscription(partner, "topiic")
    subscriptions.delete(by=SYSTEM, subscription=own(partner))
    body = body_of(send("GET", "/subscriptions"))
    assert [row["id"] for row in body["data"]] == [mine.public_id]
    assert list(body["data"][0]) == SHOWN
    assert body["next"] is None


def test_it_pages_without_a_gap_or_a_repeat(send, partner):
    made = [own(partner) for _ in range(5)]
    # Two of the same moment: the id decides.
    Subscription.objects.filter(pk__in=[made[1].pk, made[2].pk]).update(created_at=NOW)
    seen, path = [], "/subscriptions?limit=2"
    while path:
        body = body_of(send("GET", path))
        assert 1 <= len(body["data"]) <= 2
        seen += [row["id"] for row in body["data"]]
        path = body["next"] and below(body["next"])
    assert sorted(seen) == sorted(row.public_id for row in made)
    assert set(seen[:2]) == {made[1].public_id, made[2].public_id}


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.5", "9" * 5000])
def test_it_refuses_a_limit_out_of_range(send, limit):
    (error,) = errors_of(send("GET", f"/subscriptions?limit={limit}"))
    assert error == {
        "parameter": "limit",
        "detail": "Must be a number from 1 to 100.",
    }


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "%FF",
        "e30",  # {}
        "W10",  # []
        "WyJhIiwiYiJd",  # ["a","b"]
        "WzEsMl0",  # [1,2]
        "WyJcdTAwMDAiLCIiXQ",  # ["\u0000",""]
        "WyIwMDAxLTAxLTAxVDAwOjAwKzE0OjAwIiwiIl0",  # ["0001-01-01T00:00+14:00",""]
    ],
)
def test_it_refuses_a_cursor_it_never_gave(send, cursor):
    (error,) = errors_of(send("GET", f"/subscriptions?cursor={cursor}"))
    assert error["parameter"] == "cursor"


def test_it_lists_in_two_statements_however_many_there_are(
    send, partner, django_assert_num_queries
):
    send("GET", "/subscriptions")  # notes the use of the key, and wakes the database
    for _ in range(3):
        own(partner)
        with django_assert_num_queries(2):
            send("GET", "/subscriptions")


# --- One -----------------------------------------------------------------------------


def test_it_shows_one_in_two_statements(send, partner, django_assert_num_queries):
    row = own(partner)
    send("GET", "/subscriptions")
    with django_assert_num_queries(2):
        assert body_of(send("GET", f"/subscriptions/{row.public_id}"))["url"] == URL


def test_it_changes_what_is_given_and_leaves_the_rest(send, partner):
    row = own(partner, name="CRM", events=["a"])
    path = f"/subscriptions/{row.public_id}"
    body = body_of(send("PATCH", path, {"url": URL + "2", "is_active": False}))
    assert (body["url"], body["is_active"]) == (URL + "2", False)
    assert (body["name"], body["events"]) == ("CRM", ["a"])
    assert body_of(send("PATCH", path, {"events": None}))["events"] is None
    assert body_of(send("PATCH", path, {}))["url"] == URL + "2"


def test_it_takes_limits_and_an_order(create, send):
    limits = {"max_in_flight": 1000, "rate_per_minute": 1, "is_ordered": True}
    made = body_of(create(**limits), 201)
    assert {name: made[name] for name in limits} == limits
    path = f"/subscriptions/{made['id']}"
    none = {"max_in_flight": None, "rate_per_minute": None, "is_ordered": False}
    changed = body_of(send("PATCH", path, none))
    assert {name: changed[name] for name in none} == none


def test_it_deletes_and_cancels_what_is_queued(send, partner):
    row = own(partner)
    events.publish(by=SYSTEM, partner=partner, type="a", data={})
    path = f"/subscriptions/{row.public_id}"
    response = send("DELETE", path)
    assert (response.status_code, response.content) == (204, b"")
    assert Delivery.objects.get().state == "cancelled"
    for method in ("GET", "DELETE"):
        response = send(method, path)
        assert_problem(response, 404, "Not Found", "There is no such object.")


def test_it_knows_nothing_of_other_partners_and_other_dialects(send, partner):
    strangers = own(factories.partner())
    elsewhere = factories.subscription(partner, "topiic")
    before = list(Subscription.objects.order_by("id").values())
    for id in (strangers.public_id, elsewhere.public_id, "x", "x" * 500):
        for method in ("GET", "PATCH", "DELETE"):
            response = send(method, f"/subscriptions/{id}", {"name": "x"})
            assert_problem(response, 404, "Not Found", "There is no such object.")
    assert list(Subscription.objects.order_by("id").values()) == before


# --- Keys that are bound to shops ----------------------------------------------------


def test_a_key_bound_to_a_shop_sees_and_makes_that_shops_only(send, create, partner):
    _, bound = factories.key(partner, scopes=["shop:s1"])
    own(partner)
    theirs = own(partner, shop_id="s2")
    mine = body_of(create(key_text=bound), 201)
    assert mine["shop_id"] == "s1"
    listed = body_of(send("GET", "/subscriptions", key=bound))["data"]
    assert [row["id"] for row in listed] == [mine["id"]]
    path = f"/subscriptions/{theirs.public_id}"
    assert send("GET", path, key=bound).status_code == 404
    assert create(key_text=bound, shop_id="s2").status_code == 403
    for shop in ("s2", ""):
        path, body = f"/subscriptions/{mine['id']}", {"shop_id": shop}
        assert send("PATCH", path, body, key=bound).status_code == 403
    assert Subscription.objects.get(public_id=mine["id"]).shop_id == "s1"


def test_what_a_key_bound_to_several_shops_makes_is_of_the_first(create, partner):
    _, bound = factories.key(partner, scopes=["shop:s1", "shop:s2"])
    assert body_of(create(key_text=bound), 201)["shop_id"] == "s1"
    assert body_of(create(key_text=bound, shop_id="s2"), 201)["shop_id"] == "s2"


# --- Whatever is sent ----------------------------------------------------------------


@examples(60)
@given(
    body=json_values
    | st.fixed_dictionaries(
        {},
        optional={
            name: json_values | st.lists(json_values, max_size=3)
            for name in ("url", "events", "name", "shop_id", "is_active")
        },
    )
)
def test_it_survives_any_json(send, partner, body):
    path = f"/subscriptions/{own(partner).public_id}"
    for method, where in (("POST", "/subscriptions"), ("PATCH", path)):
        response = send(method, where, body)
        assert response.status_code in (200, 201, 400, 422), response.content


# --- A delivery ----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_subscriber_receives_standard_webhooks(client, receiver, create, partner):
    made = body_of(create(url=receiver.url("/hook"), events=["customer.created"]), 201)
    event = {"partner": str(partner.id), "type": "customer.created", "data": {"id": 7}}
    _, publisher = factories.key(None)
    published = call(client, "POST", "/events", event, key=publisher)
    call_command("deliver", until_idle=True)
    (request,) = receiver.requests
    headers = {name.lower(): value for name, value in request.headers}
    payload = Webhook(made["secret"]).verify(request.body, headers)
    assert payload["type"] == "customer.created"
    assert payload["data"] == {"id": 7}
    assert headers["webhook-id"] == json.loads(published.content)["id"]
    assert UUID(headers["webhook-id"])
