"""Writes events and deliveries to PostgreSQL by COPY, in lines that are made here: of a
delivery only two columns are its own, so the rest of its line is made once for each endpoint.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import orjson
from django.db import connection

from webhooks.delivery.outbox.new import NewDelivery, Recipient
from webhooks.models import Event

_EVENT = (
    "id, partner_id, type, data, attributes, idempotency_key, fingerprint, occurred_at, "
    "created_at, matched, unmatched_reason"
)
_DELIVERY = (
    "id, event_id, partner_id, subscription_id, endpoint_id, url, profile, state, lane, "
    "created_at, due_at, settled_at, last_outcome, reason"
)

_NULL = r"\N"
_ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy(
    events: Sequence[Event], deliveries: Sequence[NewDelivery], *, ahead: timedelta
) -> None:
    """Insert them; `ahead` is how far this host's clock is before the database's."""
    if events:
        _copy(f"webhooks_event ({_EVENT})", map(_event, events))
    if deliveries:
        _copy(f"webhooks_delivery ({_DELIVERY})", _deliveries(deliveries, ahead))


def _copy(table: str, lines: Iterable[str]) -> None:
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f"COPY {table} FROM STDIN") as copy,
    ):
        copy.write("".join(lines))


def _event(event: Event) -> str:
    key = event.idempotency_key
    return (
        f"{event.id.hex}\t{event.partner_id.hex}\t{_text(event.type)}"
        f"\t{_json(event.data)}\t{_json(event.attributes)}"
        f"\t{_NULL if key is None else _text(key)}\t{event.fingerprint}"
        f"\t{event.occurred_at}\t{event.created_at}"
        f"\t{event.matched}\t{_text(event.unmatched_reason)}\n"
    )


def _deliveries(deliveries: Iterable[NewDelivery], ahead: timedelta) -> Iterator[str]:
    ends: dict[Recipient, str] = {}
    for id, event_id, to in deliveries:
        end = ends.get(to)
        if end is None:
            end = ends[to] = _recipient(to, ahead)
        yield f"{id.hex}\t{event_id.hex}\t{end}\n"


def _recipient(to: Recipient, ahead: timedelta) -> str:
    endpoint = _NULL if to.endpoint_id is None else to.endpoint_id.hex
    due = _NULL if to.due_at is None else to.due_at - ahead
    settled = _NULL if to.settled_at is None else to.settled_at
    return (
        f"{to.partner_id.hex}\t{to.subscription_id.hex}\t{endpoint}\t{_text(to.url)}"
        f"\t{_text(to.profile)}\t{to.state}\t{int(to.lane)}\t{to.created_at}\t{due}"
        f"\t{settled}\t\t{_text(to.reason)}"
    )


def _text(value: str) -> str:
    return value.translate(_ESCAPED)


def _json(value: Any) -> str:
    # It has no tab and no end of a line that is not written with a backslash.
    return orjson.dumps(value).decode().replace("\\", r"\\")
