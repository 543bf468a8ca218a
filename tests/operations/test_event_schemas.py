"""Schemas of event types: what checking data by them may cost, and what is told."""

import contextlib
import json
import time
from typing import Any

import pytest

from tests import factories
from webhooks.models import Event, EventType
from webhooks.operations import event_schemas, event_types, events
from webhooks.operations.audit import SYSTEM
from webhooks.operations.event_schemas import Broken, Mismatch, Schema, Unsupported


def doubling(keyword: str, levels: int) -> dict[str, Any]:
    """Each level applies the next one twice to the same value: 2^levels times in all."""
    parts: dict[str, Any] = {
        f"p{n}": {keyword: [{"$ref": f"#/$defs/p{n + 1}"}] * 2} for n in range(levels)
    }
    return {"$defs": parts | {f"p{levels}": {"type": "string"}}, "$ref": "#/$defs/p0"}


def nested(levels: int, inmost: object = 0) -> object:
    value = inmost
    for _ in range(levels):
        value = {"a": value}
    return value


REF_A = {"$ref": "#/$defs/a"}
TWICE_BELOW = {
    "$defs": {"a": {"allOf": [{"properties": {"a": REF_A}}] * 2}},
    **REF_A,
}
ASKED_AGAIN = {
    "$defs": {"a": {"properties": {"a": {"$ref": "#"}}}},
    "allOf": [REF_A],
    "unevaluatedProperties": False,
}
CHAIN = {
    "$defs": {f"p{n}": {"$ref": f"#/$defs/p{n + 1}"} for n in range(900)}
    | {"p900": {}},
    "$ref": "#/$defs/p0",
}
# Two cycles of two and of three steps meet in ever new ways.
ALTERNATIVES = {
    "anyOf": [
        {"properties": {f"n{i}": {"$ref": f"#/$defs/{i % 3}"} for i in range(30)}}
        for _ in range(8)
    ],
    "$defs": {
        str(n): {"properties": {f"n{i}": {"$ref": "#"} for i in range(n, 30, n + 1)}}
        for n in range(3)
    },
}


@pytest.mark.parametrize(
    "schema",
    [
        doubling("allOf", 60),
        doubling("anyOf", 60),
        doubling("oneOf", 60),
        TWICE_BELOW,
        ASKED_AGAIN,
        CHAIN,
        ALTERNATIVES,
        {"items": {"allOf": [{"minimum": n} for n in range(600)]}},
        {"enum": [{"id": n} for n in range(600)]},
        {"properties": {f"p{n}": {"minLength": n} for n in range(1_100)}},
        {"description": "x" * 70_000},
        nested(40),
        {"pattern": "^(?!a)b"},
        {"pattern": r"(a)\1"},
        {"pattern": "(a|b)*a(a|b){2000}c"},
        {"allOf": [{"pattern": f"^a{n}"} for n in range(60)]},
        {"patternProperties": {f"^(a|b){{{n}}}c": {} for n in range(60)}},
        {"$dynamicRef": "#a"},
        {"$schema": "http://json-schema.org/draft-03/schema#"},
    ],
    ids=lambda schema: json.dumps(schema)[:40],
)
def test_it_refuses_soon_what_could_take_long(schema):
    before = time.thread_time()
    with pytest.raises(Unsupported) as refused:
        Schema(schema)
    assert time.thread_time() - before < 2
    assert 0 < len(str(refused.value)) < 400


@pytest.mark.parametrize(
    "schema",
    [
        [],
        "true",
        {"type": 7},
        {"$ref": "#"},
        {"anyOf": [{"type": "string"}, {"$ref": "#"}]},
        {"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": REF_A}, **REF_A},
        {"$ref": "#/nowhere"},
        {"$ref": "file:///etc/passwd"},
        {"properties": {"a": {"$ref": "http://127.0.0.1:9/"}}},
        {"pattern": "("},
        {"properties": 7, "patternProperties": [], "items": 7, "allOf": {}, "enum": 7},
    ],
    ids=str,
)
def test_it_refuses_what_means_nothing_and_fetches_nothing(schema):
    with pytest.raises(Broken) as refused:
        Schema(schema)
    assert 0 < len(str(refused.value)) < 600


LINE = {"type": "object", "required": ["sku"], "properties": {"sku": {}}}
COMPOUND = {
    "$id": "https://schemas.example.com/order.json",
    "$defs": {"line": {"$id": "line.json", **LINE}},
    "properties": {"line": {"$ref": "line.json"}, "all": {"items": {"$ref": "#"}}},
}
TREE = {
    "properties": {
        "left": {"$ref": "#"},
        "right": {"$ref": "#"},
        "others": {"type": "array", "items": {"$ref": "#"}},
        "value": {"type": "integer"},
    }
}
VARIANTS = {
    "oneOf": [
        {
            "type": "object",
            "required": ["kind", "a", "b", "c"],
            "properties": {"kind": {"const": f"k{n}"}, "a": {}, "b": {}},
        }
        for n in range(40)
    ]
}


@pytest.mark.parametrize(
    ("schema", "data", "path"),
    [
        (COMPOUND, {"all": [{"line": {"sku": 1}}, {"line": {}}]}, ["all", 1, "line"]),
        (TREE, {"left": {"right": {"value": "x"}}}, ["left", "right", "value"]),
        (TREE, {"others": [{}, {"others": [{"value": 1.5}]}]}, None),
        (VARIANTS, {"kind": "k7"}, []),
        ({"definitions": {"a": LINE}, "items": {"$ref": "#/definitions/a"}}, [{}], [0]),
        ({"prefixItems": [{"type": "string"}, {"type": "integer"}]}, ["a", "b"], [1]),
        ({"enum": [f"zone/{n}" for n in range(1_000)]}, "zone/1000", []),
        ({"pattern": r"^[A-Za-z0-9_-]{1,255}$"}, "not this", []),
        ({"type": "integer", "maximum": 2**63}, 2**64 - 1, []),
        ({"const": 1}, 1.5, []),
    ],
    ids=lambda value: json.dumps(value)[:30],
)
def test_it_takes_what_people_write_and_names_the_place(schema, data, path):
    with pytest.raises(Mismatch) as found:
        Schema(schema).check(data)
    if path is not None:
        assert list(found.value.path) == path
    assert 0 < len(found.value.message) <= event_schemas.MAX_MESSAGE


HUGE = 256 * 1024


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        ({"pattern": r"^([a-z0-9]+[-.]?)+@example\.com$"}, "a" * HUGE),
        ({"uniqueItems": True}, [{"id": n, "a": {"b": [n]}} for n in range(6_000)]),
        ({"items": {"$ref": "#"}, "uniqueItems": True}, nested(0, [[n] for n in range(9)])),
        ({"items": {"anyOf": [{"type": "string"}] * 100}}, [0] * 120_000),
        (
            {
                "anyOf": [
                    {"type": "string"},
                    {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
                    {"type": "array", "items": {"type": "string"}},
                ]
            },
            nested(200, [0] * 120_000),
        ),
        ({"multipleOf": 1e-300}, 1e300),
        ({"items": {"allOf": [{"multipleOf": 1 / 10 ** (300 + n)} for n in range(8)]}}, [1e308] * 40_000),
        ({"items": {"allOf": [{"multipleOf": 0.1}] * 150}}, [0.3] * 60_000),
        ({"items": {"allOf": [{"minimum": -1.5}] * 150}}, [7] * 120_000),
        ({"items": {"allOf": [{"not": {"const": 7}}] * 80}}, [5e-324] * 30_000),
        ({"properties": {"a": {"$ref": "#"}}}, nested(250)),
    ],
    ids=lambda value: json.dumps(value)[:30],
)  # fmt: skip
def test_data_that_is_made_to_take_long_is_checked_soon(schema, data):
    schema = Schema(schema)
    before = time.thread_time()
    with contextlib.suppress(Mismatch):
        schema.check(data)
    assert time.thread_time() - before < 5  # 45 characters took the former engine hours


def test_it_takes_as_many_numbers_as_events_and_schemas_have():
    price = {"minimum": 0.01, "maximum": 99999.99, "multipleOf": 0.01}
    Schema({"items": {"anyOf": [price] * 3}}).check([19.99] * 60_000)
    codes = {"items": {"properties": {"code": {"enum": list(range(400))}}}}
    Schema(codes).check([{"code": 399, "amount": 0.5}] * 2_000)
    Schema(codes).check([{"code": 399}] * 15_000)


def test_the_error_is_short_and_its_place_is_bounded():
    with pytest.raises(Mismatch) as found:
        Schema({"additionalProperties": {"type": "string"}}).check(
            {"n" * 5_000: ["x"] * 5_000}
        )
    assert len(found.value.message) <= event_schemas.MAX_MESSAGE
    assert len(event_schemas.dotted(found.value.path)) <= event_schemas.MAX_PLACE
    assert len(event_schemas.json_path(found.value.path)) <= event_schemas.MAX_PLACE
    assert event_schemas.json_path(["lines", 0, "id"]) == "$.lines[0].id"
    assert event_schemas.dotted(["lines", 0, "id"]) == "data.lines.0.id"


# --- Of stored types ----------------------------------------------------------------------


def stored(schema: object, name: str = "order.created") -> None:
    """Written as one that was there before the budget."""
    EventType.objects.update_or_create(name=name, defaults={"schema": schema})


def outcomes(*types: str) -> list[events.Outcome]:
    partner = factories.partner()
    return events.publish_batch(
        by=SYSTEM,
        events=[events.NewEvent(partner=partner, type=name, data={}) for name in types],
    )


@pytest.mark.django_db
@pytest.mark.parametrize("schema", [{"$ref": "#"}, {"type": 7}, {"$ref": "#/nowhere"}])
def test_a_stored_schema_that_means_nothing_refuses_its_events_alone(schema):
    stored(schema)
    refused, published = outcomes("order.created", "order.updated")
    assert isinstance(refused, events.InvalidEvent)
    assert refused.field == "type"
    assert isinstance(published, events.Published)
    assert Event.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("schema", [{"pattern": "^(?!a)"}, TWICE_BELOW, nested(40)])
def test_events_of_a_stored_schema_that_is_not_supported_are_not_lost(schema, caplog):
    stored(schema)
    (published,) = outcomes("order.created")
    assert isinstance(published, events.Published)
    assert "the schema of order.created is not checked" in caplog.text


@pytest.mark.django_db
def test_it_names_the_types_whose_schema_is_unusable():
    stored({"type": "object"}, "a.fine")
    stored({"$ref": "#"}, "b.loop")
    stored({"pattern": "(?=a)"}, "c.ahead")
    named = {name: fault.refuses for name, fault in event_schemas.unusable()}
    assert named == {"b.loop": True, "c.ahead": False}


@pytest.mark.django_db
def test_a_changed_schema_holds_from_the_next_event():
    stored({"required": ["id"]})
    assert isinstance(outcomes("order.created")[0], events.InvalidEvent)
    event_types.update(by=SYSTEM, name="order.created", schema={"type": "object"})
    assert isinstance(outcomes("order.created")[0], events.Published)
    EventType.objects.filter(name="order.created").update(schema={"required": ["x"]})
    assert isinstance(outcomes("order.created")[0], events.InvalidEvent)


@pytest.mark.django_db
def test_it_keeps_a_bounded_number_of_compiled_schemas():
    for n in range(event_schemas.MAX_KEPT + 20):
        stored({"minProperties": n}, f"kept.n{n}")
    event_schemas.of({f"kept.n{n}" for n in range(event_schemas.MAX_KEPT + 20)})
    assert event_schemas._compiled.cache_info().currsize == event_schemas.MAX_KEPT
