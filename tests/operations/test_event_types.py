"""The catalogue of event types."""

import pytest

from webhooks.models import AuditEntry, EventType
from webhooks.operations import event_types
from webhooks.operations.audit import SYSTEM


def create(name: str = "thing.happened", **fields) -> EventType:
    return event_types.create(by=SYSTEM, name=name, **fields)


@pytest.mark.django_db
def test_it_gives_a_name_once() -> None:
    create()
    with pytest.raises(event_types.NameTaken):
        create(description="another")
    assert AuditEntry.objects.filter(action="event_type.created").count() == 1


@pytest.mark.django_db
def test_it_changes_what_is_given_and_leaves_the_rest() -> None:
    create(description="Before.", example={"id": 1})
    event_types.update(by=SYSTEM, name="thing.happened", description="After.")
    now = EventType.objects.get(name="thing.happened")
    assert (now.description, now.example) == ("After.", {"id": 1})
    entry = AuditEntry.objects.get(action="event_type.updated")
    assert (entry.before, entry.after) == (
        {"description": "Before."},
        {"description": "After."},
    )


@pytest.mark.django_db
def test_it_changes_nothing_that_is_not_there() -> None:
    with pytest.raises(event_types.UnknownType):
        event_types.update(by=SYSTEM, name="no.such")


@pytest.mark.parametrize(
    ("schema", "example", "refusal"),
    [
        ([], {}, event_types.InvalidSchema),
        ({"type": 7}, {}, event_types.InvalidSchema),
        ({"$ref": "https://elsewhere.example.com/"}, {}, event_types.InvalidSchema),
        (
            {"properties": {"a": {"pattern": "("}}},
            {"a": "b"},
            event_types.InvalidSchema,
        ),
        ({"required": ["id"]}, {}, event_types.InvalidExample),
    ],
)
def test_it_refuses_what_could_never_be_checked(schema, example, refusal) -> None:
    with pytest.raises(refusal):
        event_types.check(schema, example)


def test_it_takes_any_example_without_a_schema() -> None:
    event_types.check(None, "anything")
    event_types.check({"type": "string"}, "anything")
