"""New events and deliveries as texts: what each of their columns is given, in every database.

A column that is not named here is given its default. `moment` writes a time.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import orjson

from webhooks.models import Event

from .new import NewDelivery, Recipient

Texts = tuple[str | None, ...]
Moment = Callable[[datetime | None], str | None]

EVENT = (
    "id",
    "partner_id",
    "type",
    "data",
    "attributes",
    "idempotency_key",
    "fingerprint",
    "occurred_at",
    "created_at",
    "matched",
    "unmatched_reason",
)
_DELIVERY = (
    "id",
    "event_id",
    "partner_id",
    "subscription_id",
    "endpoint_id",
    "url",
    "profile",
    "state",
    "lane",
    "created_at",
    "due_at",
    "settled_at",
    "last_outcome",
    "reason",
)


def _insert(table: str, columns: Sequence[str]) -> str:
    values = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608


def _copy(table: str, columns: Sequence[str]) -> str:
    return f"COPY {table} ({', '.join(columns)}) FROM STDIN"


INSERT_EVENT = _insert("webhooks_event", EVENT)
INSERT_DELIVERY = _insert("webhooks_delivery", _DELIVERY)
COPY_EVENT = _copy("webhooks_event", EVENT)
COPY_DELIVERY = _copy("webhooks_delivery", _DELIVERY)


def of_event(event: Event, moment: Moment) -> Texts:
    return (
        event.id.hex,
        event.partner_id.hex,
        event.type,
        orjson.dumps(event.data).decode(),
        orjson.dumps(event.attributes).decode(),
        event.idempotency_key,
        event.fingerprint,
        moment(event.occurred_at),
        moment(event.created_at),
        str(event.matched),
        event.unmatched_reason,
    )


def of_recipients(
    deliveries: Iterable[NewDelivery], moment: Moment
) -> dict[Recipient, Texts]:
    """What follows the id of a delivery and that of its event, for each recipient."""
    return {to: _of_recipient(to, moment) for to in {d.to for d in deliveries}}


def _of_recipient(to: Recipient, moment: Moment) -> Texts:
    return (
        to.partner_id.hex,
        to.subscription_id.hex,
        None if to.endpoint_id is None else to.endpoint_id.hex,
        to.url,
        to.profile,
        to.state,
        str(int(to.lane)),
        moment(to.created_at),
        moment(to.due_at),
        moment(to.settled_at),
        "",
        to.reason,
    )
