"""An event to publish is read without the serializer, which has to agree."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from webhooks.api.serializers import events
from webhooks.operations import eventchecks

MOMENTS = st.sampled_from(
    [
        "2026-11-21T02:00:00Z",
        "2026-11-21t02:00:00.123456789+05:30",
        "2026-02-30T02:00:00Z",
        "0001-01-01T00:00:00+09:00",
        "2026-11-21 02:00:00z",
        "2026-11-21T02:00:00",
        "",
        1,
    ]
)
TEXTS = st.text(st.sampled_from("aZ0._- \t\0é"), max_size=4) | st.sampled_from(
    [
        "order.created",
        "a" * eventchecks.MAX_TYPE,
        "a" * (eventchecks.MAX_TYPE + 1),
        "a" * eventchecks.MAX_KEY,
        "a" * (eventchecks.MAX_KEY + 1),
        " a ",
        "a.\n",
    ]
)
IDS = st.builds(str, st.uuids()) | st.sampled_from(
    [str(uuid4()).upper(), uuid4().hex, f"{{{uuid4()}}}", f"{uuid4()}\n", 1]
)
OBJECTS: st.SearchStrategy[Any] = st.dictionaries(
    TEXTS, st.none() | st.integers() | st.just({}), max_size=2
)
ANYTHING: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | TEXTS | OBJECTS | st.just([])
)
VALID = st.fixed_dictionaries(
    {"partner": IDS, "type": TEXTS, "data": OBJECTS},
    optional={
        "idempotency_key": TEXTS,
        "occurred_at": MOMENTS,
        "attributes": OBJECTS,
    },
)
FIELDS = [
    "partner",
    "type",
    "data",
    "idempotency_key",
    "occurred_at",
    "attributes",
    "x",
]


def outcome(read, item):
    try:
        return dict(read(item))
    except ValidationError as error:
        return error.detail


@given(
    item=VALID,
    changes=st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=2),
    without=st.none() | st.sampled_from(FIELDS),
    broken=st.integers(0, 2),
)
def test_it_is_what_the_serializer_makes_of_it(item, changes, without, broken):
    if broken == 0:
        item = item | changes
    elif broken == 1:
        item.pop(without, None)

    assert outcome(events.new_event, item) == outcome(
        events.NewEvent().run_validation, item
    )


@pytest.mark.parametrize("item", [None, [], "x", 1, {}])
def test_so_is_what_is_no_event(item):
    assert outcome(events.new_event, item) == outcome(
        events.NewEvent().run_validation, item
    )


def test_the_serializer_is_not_asked_where_all_is_well(monkeypatch):
    monkeypatch.setattr(events, "_READER", None)
    item = {
        "partner": str(uuid4()),
        "type": "order.created",
        "data": {"a": None},
        "idempotency_key": "k",
        "occurred_at": "2026-11-21T02:00:00Z",
        "attributes": {"shop_id": "s1"},
    }

    assert events.new_event(item).keys() == item.keys()
