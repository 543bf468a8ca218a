"""What may be published: the checks of a new event."""

from datetime import UTC, datetime

import pytest

from tests import factories
from tests.clock import at
from webhooks.models import Event, EventType
from webhooks.operations import (
    events,
)
from webhooks.operations.audit import SYSTEM

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner():
    return factories.partner()


def publish(partner, *, now=NOW, **fields):
    fields = {"type": "order.created", "data": {"id": 1}} | fields
    return at(now, events.publish, by=SYSTEM, partner=partner, **fields)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"type": ""}, "type"),
        ({"type": "order."}, "type"),
        ({"type": ".order"}, "type"),
        ({"type": "order..created"}, "type"),
        ({"type": "order created"}, "type"),
        ({"type": "order.created\n"}, "type"),
        ({"type": "bestellung.größe"}, "type"),
        ({"type": "a" * 129}, "type"),
        ({"type": 5}, "type"),
        ({"data": None}, "data"),
        ({"data": []}, "data"),
        ({"data": "{}"}, "data"),
        ({"data": {"a": "x" * 262144}}, "data"),
        ({"data": {"a": float("nan")}}, "data"),
        ({"data": {"a": [float("-inf")]}}, "data"),
        ({"data": {"a": "\ud800"}}, "data"),
        ({"data": {"a": {1: 2}}}, "data"),
        ({"data": {"a": 2**64}}, "data"),
        ({"data": {"a": ["\0"]}}, "data"),
        ({"data": {"\0": 1}}, "data"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"shop_id": 5}}, "attributes"),
        ({"attributes": {"a": "x" * 9000}}, "attributes"),
        ({"occurred_at": datetime(2026, 1, 1)}, "occurred_at"),  # noqa: DTZ001
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "k" * 256}, "idempotency_key"),
        ({"idempotency_key": "k\0"}, "idempotency_key"),
        ({"idempotency_key": 7}, "idempotency_key"),
    ],
)
def test_what_cannot_be_an_event_is_refused_with_its_field(partner, fields, field):
    with pytest.raises(events.InvalidEvent) as caught:
        publish(partner, **fields)

    assert caught.value.field == field
    assert caught.value.message
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"a": None, "b": "null", "c": [1.5, -(2**63), True]},
        {"a": "\\u0000", "b": "ünï ☃ 𝄞"},
        {"a": "x" * 260_000},
    ],
)
def test_any_json_object_is_kept_as_it_is(partner, data):
    event = publish(partner, data=data).event

    assert Event.objects.get(id=event.id).data == data


SCHEMA = {
    "type": "object",
    "required": ["id"],
    "properties": {"lines": {"items": {"type": "integer"}}},
}


def catalogued(schema, name="order.created"):
    EventType.objects.update_or_create(name=name, defaults={"schema": schema})


def test_data_must_satisfy_the_schema_of_its_type(partner):
    catalogued(SCHEMA)
    catalogued(None, "order.updated")

    assert publish(partner, data={"id": 1, "lines": [1]}).created
    assert publish(partner, type="order.updated", data={}).created
    with pytest.raises(events.InvalidEvent) as caught:
        publish(partner, data={"id": 1, "lines": [1, "two"]})
    assert caught.value.field == "data.lines.1"
    with pytest.raises(events.InvalidEvent) as caught:
        publish(partner, data={})
    assert caught.value.field == "data"
    assert '"id" is a required property' in caught.value.message


@pytest.mark.parametrize(
    "schema", [{"type": "nonsense"}, {"$ref": "http://127.0.0.1:9/schema.json"}]
)
def test_a_schema_that_cannot_be_used_is_told_and_nothing_is_fetched(partner, schema):
    catalogued(schema)

    with pytest.raises(events.InvalidEvent) as caught:
        publish(partner)

    assert caught.value.field == "type"
