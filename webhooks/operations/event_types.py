"""Event types: created and changed by staff, and filled with the defaults."""

from typing import Any

import orjson
from django.db import IntegrityError, transaction

from webhooks.delivery import wire
from webhooks.models import EventType

from . import audit, default_event_types, event_schemas, eventchecks, limits

MAX_DEPTH = 64
"""Of the JSON of a schema or an example: levels."""

_FIELDS = ("description", "schema", "example")


class NameTaken(Exception):
    """There is an event type of this name."""


class UnknownType(Exception):
    """There is no event type of this name."""


class InvalidSchema(Exception):
    """The value is no JSON Schema; the message names the place."""


class InvalidExample(Exception):
    """The example does not satisfy the type's own schema; the message says where."""


def fill_catalogue(
    *, using: str = "default", model: type[EventType] = EventType
) -> None:
    """Add every type that a profile has a name for to the catalogue of types.

    A row that is there is left as it is: its words may be the staff's by now. During a
    migration `model` is the type as the database has it then.
    """
    known = {t for p in wire.profiles().values() for t in p.event_names}
    model.objects.using(using).bulk_create(
        (
            model(name=name, description=entry.description, example=entry.example)
            for name in sorted(known | default_event_types.ENTRIES.keys())
            for entry in [
                default_event_types.ENTRIES.get(name, default_event_types.UNDESCRIBED)
            ]
        ),
        ignore_conflicts=True,
    )


def check(schema: Any, example: Any) -> None:
    """Raises InvalidSchema and InvalidExample. No schema admits every short example.

    A schema that could take long to check by is invalid, too.
    """
    if len(orjson.dumps(example)) > eventchecks.MAX_DATA:
        raise InvalidExample(f"$: longer than {eventchecks.MAX_DATA // 1024} KiB.")
    if is_too_deep(example):
        raise InvalidExample(f"$: nested deeper than {MAX_DEPTH} levels.")
    if schema is None:
        return
    try:
        event_schemas.Schema(schema).check(example)
    except (event_schemas.Broken, event_schemas.Unsupported) as refusal:
        raise InvalidSchema(str(refusal)) from None
    except event_schemas.Mismatch as error:
        place = event_schemas.json_path(error.path)
        raise InvalidExample(f"{place}: {error.message}") from None


def is_too_deep(value: Any) -> bool:
    return event_schemas.depth(value) > MAX_DEPTH


def create(*, by: audit.Actor, name: str, **fields: Any) -> EventType:
    """`fields` are `description schema example`.

    Raises NameTaken, InvalidSchema, InvalidExample and limits.LimitReached.
    """
    limits.check_lengths(limits.DESCRIPTION, fields.get("description", ""))
    event_type = EventType(name=name, **_known(fields))
    check(event_type.schema, event_type.example)
    try:
        with transaction.atomic():
            event_type.save(force_insert=True)
            after = _state(event_type)
            audit.record(
                by=by, action="event_type.created", target=event_type, after=after
            )
    except IntegrityError:
        raise NameTaken(name) from None
    return event_type


def update(*, by: audit.Actor, name: str, **fields: Any) -> EventType:
    """Change what is given and leave the rest. The name is for good.

    Raises UnknownType, InvalidSchema, InvalidExample and limits.LimitReached.
    """
    limits.check_lengths(limits.DESCRIPTION, fields.get("description", ""))
    with transaction.atomic():
        event_type = EventType.objects.select_for_update().filter(name=name).first()
        if event_type is None:
            raise UnknownType(name)
        before = _state(event_type)
        for field, value in _known(fields).items():
            setattr(event_type, field, value)
        check(event_type.schema, event_type.example)
        event_type.save(update_fields=_FIELDS)
        audit.record(
            by=by,
            action="event_type.updated",
            target=event_type,
            before=before,
            after=_state(event_type),
        )
    return event_type


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in _FIELDS if name in fields}


def _state(event_type: EventType) -> dict[str, Any]:
    return {name: getattr(event_type, name) for name in _FIELDS}
