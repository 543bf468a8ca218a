"""The catalogue of event types."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.state import ProjectState
from django.db.models.signals import post_migrate

from webhooks.delivery import wire
from webhooks.models import AuditEntry, EventType
from webhooks.operations import (
    default_event_types,
    event_types,
    eventchecks,
    limits,
)
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db


def create(name: str = "thing.happened", **fields) -> EventType:
    return event_types.create(by=SYSTEM, name=name, **fields)


def test_it_gives_a_name_once() -> None:
    create()
    with pytest.raises(event_types.NameTaken):
        create(description="another")
    assert AuditEntry.objects.filter(action="event_type.created").count() == 1


def test_a_description_has_so_many_characters() -> None:
    create(description="x" * 2000)
    with pytest.raises(limits.LimitReached):
        create("thing.else", description="x" * 2001)
    with pytest.raises(limits.LimitReached):
        event_types.update(by=SYSTEM, name="thing.happened", description="x" * 2001)


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


# --- Filled by what the profiles name ---------------------------------------------------


def test_the_catalogue_describes_every_type_that_a_profile_has_a_name_for():
    for profile in wire.profiles().values():
        for name in profile.event_names:
            assert default_event_types.ENTRIES[name].description, name
            assert default_event_types.ENTRIES[name].example, name


def test_an_example_can_be_published_under_every_catalogued_type():
    for name, entry in default_event_types.ENTRIES.items():
        new = eventchecks.NewEvent(partner=None, type=name, data=dict(entry.example))
        checked = eventchecks.check([new])
        assert checked == {}


def test_missing_types_are_added_and_what_staff_wrote_is_left():
    EventType.objects.all().delete()
    EventType.objects.create(
        name="order.created", description="Ours.", schema={"type": "object"}
    )

    event_types.fill_catalogue()
    event_types.fill_catalogue()

    ours = EventType.objects.get(name="order.created")
    assert (ours.description, ours.schema) == ("Ours.", {"type": "object"})
    added = EventType.objects.get(name="customer.created")
    assert (
        added.description == default_event_types.ENTRIES["customer.created"].description
    )
    known = {t for p in wire.profiles().values() for t in p.event_names}
    assert known <= set(EventType.objects.values_list("name", flat=True))


def test_a_migration_fills_the_catalogue():
    EventType.objects.all().delete()

    call_command("migrate", verbosity=0)

    assert EventType.objects.filter(name="customer.created").exists()


def test_a_migration_to_before_the_catalogue_does_not_fail():
    before = ProjectState().apps

    for receiver in post_migrate._live_receivers(apps.get_app_config("webhooks"))[0]:
        if receiver.__module__ == "webhooks.apps":
            receiver(using="default", apps=before)
