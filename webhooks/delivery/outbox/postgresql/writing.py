"""Writes events and deliveries to PostgreSQL: a few by prepared statements, and many by COPY.

A line of COPY is made here. Of a delivery only two columns are its own, so the rest of its line
is made once for each recipient.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from webhooks.delivery.outbox import texts
from webhooks.delivery.outbox.new import NewDelivery
from webhooks.delivery.outbox.texts import Texts
from webhooks.models import Event, prepared

FEW = 4
"""Rows that are written one by one: COPY takes as long as two to three statements."""

_NULL = r"\N"


def write(events: Sequence[Event], deliveries: Sequence[NewDelivery]) -> None:
    """Insert them. In the caller's transaction."""
    ends = texts.of_recipients(deliveries, _moment)
    if len(events) + len(deliveries) <= FEW:
        with prepared.cursor() as cursor:
            for event in events:
                cursor.execute(texts.INSERT_EVENT, texts.of_event(event, _moment))
            for id, event_id, to in deliveries:
                cursor.execute(texts.INSERT_DELIVERY, (id.hex, event_id.hex, *ends[to]))
        return
    if events:
        _copy(texts.COPY_EVENT, (_line(texts.of_event(e, _moment)) for e in events))
    if deliveries:
        end_of = {to: _line(end) for to, end in ends.items()}
        _copy(
            texts.COPY_DELIVERY,
            (f"{id.hex}\t{event.hex}\t{end_of[to]}" for id, event, to in deliveries),
        )


def _copy(statement: str, lines: Iterable[str]) -> None:
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(statement) as copy,
    ):
        copy.write("".join(lines))


def _line(values: Texts) -> str:
    return "\t".join([_NULL if v is None else _escaped(v) for v in values]) + "\n"


def _escaped(text: str) -> str:
    if text.isalnum():
        return text
    text = text.replace("\\", r"\\").replace("\t", r"\t")
    return text.replace("\n", r"\n").replace("\r", r"\r")


def _moment(value: datetime | None) -> str | None:
    return None if value is None else str(value)
