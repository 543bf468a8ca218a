"""POST events, POST events/batch and GET events/{id}, with a publisher's key."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine

from tests import factories
from tests.api.calls import PREFIX, PROBLEM, assert_problem, call, errors_of
from webhooks.api.serializers import events as serializers
from webhooks.models import AuditEntry, Delivery, Event, EventType, PendingFanout
from webhooks.operations import event_batches, fanouts

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 2, 0, 0, 123456, tzinfo=UTC)
NOW_TEXT = "2026-11-21T02:00:00.123456Z"


@pytest.fixture
def key():
    return factories.key(None)[1]


@pytest.fixture
def publish(client, key, event):
    """Publishes the event with changes; a change to None takes a field away."""

    def publish(*, headers=None, **changes):
        body = {**event, **changes}
        body = {name: value for name, value in body.items() if value is not None}
        return call(client, "POST", "/events", body, key=key, **(headers or {}))

    return publish


def subscribed(partner, **fields):
    """A subscription to every event."""
    return factories.subscription(partner, "portal", profile="standard", **fields)


# --- Publishing ----------------------------------------------------------------------


@time_machine.travel(NOW, tick=False)
def test_it_publishes_an_event_and_queues_its_deliveries(partner, publish):
    subscription = subscribed(partner)
    response = publish()
    event = Event.objects.get()
    assert response.status_code == 202
    assert response["Content-Type"] == "application/json"
    assert response["Location"] == f"{PREFIX}/events/{event.id}"
    assert "Idempotent-Replayed" not in response
    assert response.content.decode() == (
        f'{{"id":"{event.id}","partner":"{partner.id}","type":"customer.created",'
        f'"idempotency_key":null,"occurred_at":"{NOW_TEXT}",'
        f'"created_at":"{NOW_TEXT}","attributes":{{}},"matched":1,'
        '"unmatched_reason":null,"unqueued":0}'
    )
    delivery = Delivery.objects.get()
    assert (delivery.event, delivery.subscription) == (event, subscription)
    assert delivery.due_at == NOW


def test_it_says_why_an_event_is_unmatched(publish):
    reply = json.loads(publish().content)
    assert reply["matched"] == 0
    assert reply["unmatched_reason"] == "The partner has no subscriptions."


def test_it_keeps_what_it_is_told_about_the_event(publish):
    response = publish(
        occurred_at="2026-11-20T12:00:00.5+10:00",
        attributes={"shop_id": "s1"},
        idempotency_key="order-7",
    )
    reply = json.loads(response.content)
    assert reply["occurred_at"] == "2026-11-20T02:00:00.500000Z"
    assert reply["attributes"] == {"shop_id": "s1"}
    assert reply["idempotency_key"] == "order-7"
    assert Event.objects.get().data == {"id": 7}


def test_it_leaves_no_audit_entry_for_what_is_traffic(publish):
    AuditEntry.objects.all().delete()
    publish()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"partner": None}, "#/partner"),
        ({"partner": "7"}, "#/partner"),
        ({"partner": 7}, "#/partner"),
        ({"partner": "{12345678123456781234567812345678}"}, "#/partner"),
        ({"partner": str(uuid4())}, "#/partner"),
        ({"type": None}, "#/type"),
        ({"type": 7}, "#/type"),
        ({"type": ""}, "#/type"),
        ({"type": "customer created"}, "#/type"),
        ({"type": "a" * 129}, "#/type"),
        ({"data": None}, "#/data"),
        ({"data": []}, "#/data"),
        ({"data": {"x": "x" * 256 * 1024}}, "#/data"),
        ({"attributes": []}, "#/attributes"),
        ({"attributes": {"shop_id": 7}}, "#/attributes"),
        ({"attributes": {"x": "x" * 8 * 1024}}, "#/attributes"),
        ({"occurred_at": 1763690400}, "#/occurred_at"),
        ({"occurred_at": "2026-11-21"}, "#/occurred_at"),
        ({"occurred_at": "2026-11-21T02:00:00"}, "#/occurred_at"),
        ({"occurred_at": "2026-02-30T02:00:00Z"}, "#/occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+01:00"}, "#/occurred_at"),
        ({"idempotency_key": 7}, "#/idempotency_key"),
        ({"idempotency_key": ""}, "#/idempotency_key"),
        ({"idempotency_key": "k" * 256}, "#/idempotency_key"),
        ({"datta": {}}, "#/datta"),
        ({"a/b~c": 1}, "#/a~1b~0c"),
    ],
)
def test_it_points_at_what_is_wrong(publish, changes, pointer):
    (error,) = errors_of(publish(**changes))
    assert list(error) == ["pointer", "detail"]
    assert error["pointer"] == pointer
    assert not Event.objects.exists()


def test_it_points_at_everything_that_is_wrong_at_once(publish):
    pointers = [
        error["pointer"] for error in errors_of(publish(type=7, data=None, unknown=1))
    ]
    assert pointers == ["#/type", "#/data", "#/unknown"]


def test_it_points_into_data_that_breaks_its_types_schema(publish):
    EventType.objects.update_or_create(
        name="customer.created",
        defaults={"schema": {"properties": {"id": {"type": "string"}}}},
    )
    (error,) = errors_of(publish())
    assert error == {"pointer": "#/data/id", "detail": '7 is not of type "string"'}


# --- Idempotency ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", ["order-7", '"order-7"', "order-7 of shop (2)", r'"a \"b\" \\ c"']
)
def test_it_publishes_once_under_an_idempotency_key(publish, header):
    first = publish(headers={"Idempotency_Key": header})
    again = publish(headers={"Idempotency_Key": header})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert Event.objects.count() == 1


def test_it_takes_the_key_quoted_or_bare_from_header_or_body(publish):
    replies = [
        publish(headers={"Idempotency_Key": '"a \\"b\\""'}),
        publish(idempotency_key='a "b"'),
        publish(idempotency_key='a "b"', headers={"Idempotency_Key": '"a \\"b\\""'}),
    ]
    assert len({reply.content for reply in replies}) == 1


def test_it_refuses_two_keys_that_differ(publish):
    (error,) = errors_of(publish(idempotency_key="a", headers={"Idempotency_Key": "b"}))
    assert error == {
        "header": "Idempotency-Key",
        "detail": "Must be the same as the idempotency_key of the body.",
    }
    assert not Event.objects.exists()


def test_it_refuses_a_key_that_was_used_for_another_event(publish):
    publish(idempotency_key="a")
    response = publish(idempotency_key="a", data={"id": 8})
    assert response.status_code == 422
    assert response["Content-Type"] == PROBLEM
    detail = "This key was used for another event of the partner."
    assert json.loads(response.content) == {
        "type": "urn:webhook-portal:problem:idempotency-key-reused",
        "title": "The idempotency key was used for another request.",
        "status": 422,
        "detail": detail,
        "errors": [{"pointer": "#/idempotency_key", "detail": detail}],
    }
    assert Event.objects.count() == 1


def test_it_keeps_the_keys_of_partners_apart(publish):
    publish(idempotency_key="a")
    other = publish(idempotency_key="a", partner=str(factories.partner().id))
    assert other.status_code == 202
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    "header", ["", '""', '"a', 'a"b', '"\\x"', "a\tb", "\xe9", " "]
)
def test_it_refuses_a_header_that_holds_no_key(publish, header):
    (error,) = errors_of(publish(headers={"Idempotency_Key": header}))
    assert error["header"] == "Idempotency-Key"


def test_it_refuses_a_header_that_is_too_long(publish):
    (error,) = errors_of(publish(headers={"Idempotency_Key": "k" * 256}))
    assert error["detail"] == "Must be of 1 to 255 characters."


# --- Batches -------------------------------------------------------------------------


@pytest.fixture
def batch(client, key):
    def batch(*events, **headers):
        body = {"events": list(events)}
        return call(client, "POST", "/events/batch", body, key=key, **headers)

    return batch


def test_it_publishes_what_is_right_in_a_batch_and_tells_the_rest(batch, event):
    wrong = {**event, "data": 1}
    unknown = {**event, "partner": str(uuid4())}
    invalid = {**event, "type": "a b"}
    response = batch(event, wrong, 7, unknown, invalid, event)
    reply = json.loads(response.content)
    assert response.status_code == 202
    assert list(reply) == ["accepted", "refused", "results"]
    assert (reply["accepted"], reply["refused"]) == (2, 4)
    assert [r["status"] for r in reply["results"]] == [202, 422, 422, 422, 422, 202]
    assert [
        r["problem"]["errors"][0]["pointer"] for r in reply["results"] if "problem" in r
    ] == ["#/events/1/data", "#/events/2", "#/events/3/partner", "#/events/4/type"]
    assert Event.objects.count() == 2


def test_it_answers_each_item_as_if_it_had_come_alone(batch, publish, event):
    keyed = {**event, "idempotency_key": "a"}
    alone = json.loads(publish(idempotency_key="a").content)
    conflict = {**keyed, "data": {"id": 8}}
    results = json.loads(batch(keyed, conflict).content)["results"]
    assert results[0] == {"status": 202, "replayed": True, "event": alone}
    assert results[1]["status"] == 422
    assert results[1]["problem"]["type"].endswith(":idempotency-key-reused")
    assert results[1]["problem"]["errors"][0]["pointer"] == "#/events/1/idempotency_key"


def test_it_repeats_a_whole_batch_under_the_key_of_its_header(batch, event):
    own = {**event, "idempotency_key": "own"}
    first = json.loads(batch(event, own, Idempotency_Key="b1").content)
    again = json.loads(batch(event, own, Idempotency_Key="b1").content)
    keys = [result["event"]["idempotency_key"] for result in first["results"]]
    assert keys == ["b1/0", "own"]
    assert [result["replayed"] for result in first["results"]] == [False, False]
    assert [result["replayed"] for result in again["results"]] == [True, True]
    assert Event.objects.count() == 2


def test_it_refuses_a_batch_as_a_whole(client, key, batch, event):
    (error,) = errors_of(batch())
    assert error["pointer"] == "#/events"
    (error,) = errors_of(batch(*[event] * 1001))
    assert error["pointer"] == "#/events"
    (error,) = errors_of(batch(event, Idempotency_Key='"'))
    assert error["header"] == "Idempotency-Key"
    body = {"events": [event], "event": event}
    (error,) = errors_of(call(client, "POST", "/events/batch", body, key=key))
    assert error["pointer"] == "#/event"
    assert not Event.objects.exists()


def test_it_takes_a_thousand_events(batch, event):
    assert json.loads(batch(*[event] * 1000).content)["accepted"] == 1000


def test_one_event_takes_few_statements(
    partner, publish, django_assert_max_num_queries
):
    subscribed(partner)
    publish()  # the first use of the key is noted
    # Key, partner, schema, subscriptions; endpoint held, event, delivery, endpoint woken; and
    # the two of a transaction within another.
    with django_assert_max_num_queries(10):
        assert publish().status_code == 202


def test_it_asks_the_database_as_often_for_many_as_for_one(
    batch, event, django_assert_max_num_queries
):
    batch(event)  # the first use of the key is noted
    for count in (1, 10, 100):
        with django_assert_max_num_queries(9):
            batch(*[event] * count)


def test_numbers_of_an_item_are_the_same_beside_one_that_is_refused(batch, event):
    numbers = [2**64 - 1, 2**64, 2**64 - 1024, -(2**63), -(2**63) - 1, 10**30]
    event["data"] = {"numbers": numbers}
    for items in ([event], [event, {**event, "data": {"x": "\0"}}]):
        results = json.loads(batch(*items).content)["results"]
        assert results[0]["status"] == 202, results
    alone, beside = Event.objects.order_by("id")
    assert json.dumps(beside.data) == json.dumps(alone.data)
    assert alone.data["numbers"][:1] == [2**64 - 1]


def test_an_item_that_fails_refuses_no_other(batch, event, monkeypatch):
    failed = event_batches.Failed()

    def publish(*, by, events):
        (stored, *_) = events_operation(by=by, events=events[:1])
        return [stored, event_batches.NotStored(), failed]

    events_operation = event_batches.publish
    monkeypatch.setattr(event_batches, "publish", publish)
    reply = json.loads(batch(event, event, event).content)
    assert (reply["accepted"], reply["refused"]) == (1, 2)
    assert [result["status"] for result in reply["results"]] == [202, 503, 500]
    assert reply["results"][1]["problem"] == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Not stored. Publish it again, with the same idempotency key if it has "
        "one.",
    }
    assert reply["results"][2]["problem"]["instance"] == failed.occurrence


@pytest.mark.parametrize(
    "strange",
    [
        {"occurred_at": "0001-01-01T00:00:00+14:00"},
        {"occurred_at": "9999-12-31T23:59:59-14:00"},
        {"idempotency_key": "k\ud800"},
        {"data": {"x": ["\0"]}},
        {"data": {"\ud800": 1}},
        {"data": {"x": float("1e308")}, "type": 7},
        {"data": json.loads("[" * 90 + "]" * 90)},
        {"type": "loop"},
    ],
    ids=str,
)
def test_a_strange_item_is_its_own_problem(batch, event, strange):
    EventType.objects.create(name="loop", schema={"$ref": "#"})
    response = batch(event, {**event, **strange}, event)
    assert response.status_code == 202
    results = json.loads(response.content)["results"]
    assert [result["status"] for result in results] == [202, 422, 202]


# --- Looking -------------------------------------------------------------------------


@pytest.fixture
def look(client, key):
    return lambda id: call(client, "GET", f"/events/{id}", key=key)


@time_machine.travel(NOW, tick=False)
def test_it_shows_an_event_and_what_became_of_it(partner, publish, look):
    subscribed(partner, urls=["https://a.example.com/1"], public_id="sub-1")
    published = json.loads(publish().content)
    delivery = Delivery.objects.get()
    reply = json.loads(look(published["id"]).content)
    assert reply == {
        **published,
        "data": {"id": 7},
        "deliveries": [
            {
                "id": str(delivery.id),
                "dialect": "portal",
                "subscription": "sub-1",
                "url": "https://a.example.com/1",
                "state": "pending",
                "attempts": 0,
                "last_outcome": None,
                "last_status": None,
                "next_attempt_at": NOW_TEXT,
                "settled_at": None,
                "reason": None,
            }
        ],
        "next": None,
    }


def test_it_shows_how_a_delivery_has_fared(partner, publish, look):
    subscribed(partner)
    id = json.loads(publish().content)["id"]
    later = NOW + timedelta(minutes=5)
    rows = Delivery.objects.filter(event_id=id)
    rows.update(attempts=2, last_outcome="status", last_status=503, due_at=later)
    (delivery,) = json.loads(look(id).content)["deliveries"]
    assert delivery["attempts"] == 2
    assert (delivery["last_outcome"], delivery["last_status"]) == ("status", 503)
    assert delivery["next_attempt_at"] == "2026-11-21T02:05:00.123456Z"
    rows.update(claim_token=uuid4())
    (delivery,) = json.loads(look(id).content)["deliveries"]
    assert delivery["next_attempt_at"] is None
    rows.update(
        state="delivered",
        claim_token=None,
        due_at=None,
        settled_at=NOW,
        last_status=204,
    )
    (delivery,) = json.loads(look(id).content)["deliveries"]
    assert delivery["state"] == "delivered"
    assert delivery["settled_at"] == NOW_TEXT
    assert delivery["next_attempt_at"] is None


def test_it_shows_what_was_not_sent_and_why(partner, publish, look):
    subscribed(partner, urls=[])
    (delivery,) = json.loads(look(json.loads(publish().content)["id"]).content)[
        "deliveries"
    ]
    assert delivery["state"] == "not_sent"
    assert delivery["url"] is None
    assert delivery["reason"] == "The subscription had no URL when the event happened."


def test_it_shows_numbers_as_they_came(publish, look):
    # PostgreSQL writes these as integers of more than 64 bits.
    data = {"wei": 1e40, "debt": -1e19, "small": 5e-324, "exact": 2**63 - 1}
    response = look(json.loads(publish(data=data).content)["id"])
    assert json.loads(response.content)["data"] == data


def test_it_shows_why_an_event_was_nobodys(publish, look):
    reply = json.loads(look(json.loads(publish().content)["id"]).content)
    assert reply["unmatched_reason"] == "The partner has no subscriptions."
    assert reply["deliveries"] == []


def test_it_looks_an_event_up_in_three_statements(
    partner, publish, look, django_assert_num_queries
):
    subscribed(partner, urls=["https://a.example.com/", "https://b.example.com/"])
    id = json.loads(publish().content)["id"]
    with django_assert_num_queries(3):
        assert len(json.loads(look(id).content)["deliveries"]) == 2


@pytest.mark.parametrize("id", ["7", "batch/", "0d9f0f5e-3c38-4b19-9d53-6c55a1e0c3f7"])
def test_it_knows_no_event_of_another_id(look, id):
    detail = "There is no such object."
    if id == "batch/":
        detail = "There is nothing at this path."
    assert_problem(look(id), 404, "Not Found", detail)


def test_it_shows_how_far_the_fan_out_of_an_event_is(
    partner, publish, look, monkeypatch
):
    monkeypatch.setattr(fanouts, "PIECE", 2)
    for _ in range(5):
        subscribed(partner)
    published = json.loads(publish().content)
    assert (published["matched"], published["unqueued"]) == (5, 5)
    progress = []
    for _ in range(4):
        reply = json.loads(look(published["id"]).content)
        progress.append((reply["unqueued"], len(reply["deliveries"])))
        fanouts.advance()
    assert progress == [(5, 0), (3, 2), (1, 4), (0, 5)]
    assert not PendingFanout.objects.exists()


def test_it_shows_very_many_deliveries_in_pages(
    client, key, partner, publish, look, monkeypatch
):
    monkeypatch.setattr(serializers, "MOST_DELIVERIES", 2)
    subscribed(partner, urls=[f"https://a.example.com/{n}" for n in range(5)])
    id = json.loads(publish().content)["id"]
    seen, address = [], f"/events/{id}"
    while address:
        reply = json.loads(call(client, "GET", address, key=key).content)
        assert len(reply["deliveries"]) <= 2
        seen += [delivery["id"] for delivery in reply["deliveries"]]
        address = reply["next"] and reply["next"].partition(PREFIX)[2]
    assert seen == sorted(str(d.id) for d in Delivery.objects.all())
    assert len(seen) == 5
