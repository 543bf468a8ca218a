"""Loads the rows that the attempts of a claim need."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from webhooks.delivery.job import Claim, Job, Subscriber
from webhooks.models import Event, prepared

from . import statements

_FILE = Path(__file__).with_name("loading.sql")
POSTGRESQL = statements.read(
    _FILE,
    is_test=f"e.attributes -> '{Event.TEST_OF}' IS NOT NULL",
    is_claimed="d.id = ANY(%(ids)s)",
    among=prepared.AMONG["postgresql"],
)
SQLITE = statements.read(
    _FILE,
    is_test=f"json_type(e.attributes, '$.{Event.TEST_OF}') IS NOT NULL",
    is_claimed="d.id IN (SELECT value FROM json_each(%(ids)s))",
    among=prepared.AMONG["sqlite"],
)


def load(claim: Claim) -> list[Job]:
    """The jobs of a claim: of those deliveries that carry its token, now or when it was made.

    Of a claim whose lease has run out, no settlement is written.
    """
    rows = _select(claim) if claim.loaded is None else claim.loaded
    subscribers = _subscribers({row[1]: row[2:6] for row in rows})
    return [
        Job(
            id=_uuid(id),
            token=claim.token,
            until=claim.until,
            subscriber=subscribers[subscription_id],
            endpoint_id=_uuid(endpoint_id),
            url=url,
            profile=profile,
            attempts=attempts,
            event_id=_uuid(event_id),
            event_type=event_type,
            occurred_at=_moment(occurred_at),
            data=data,
            is_test=bool(is_test),
            body=None if body is None else bytes(body),
        )
        for (
            id,
            subscription_id,
            _,
            _,
            _,
            _,
            endpoint_id,
            url,
            profile,
            attempts,
            event_id,
            event_type,
            occurred_at,
            data,
            is_test,
            body,
        ) in rows
    ]


def _select(claim: Claim) -> list[Any]:
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute(
            _statements()["load"],
            {
                "token": claim.token if is_postgresql else claim.token.hex,
                "ids": prepared.among(claim.ids),
            },
        )
        rows: list[Any] = cursor.fetchall()
    return rows


def _subscribers(
    found: Mapping[Any, Sequence[Any]],
) -> dict[Any, Subscriber]:
    ids = {_uuid(id) for id in found}
    secrets = _secrets(ids)
    return {
        id: Subscriber(
            id=_uuid(id),
            partner_id=_uuid(partner_id),
            public_id=public_id,
            is_deleted=bool(is_deleted),
            max_in_flight=max_in_flight,
            sealed_secrets=secrets[_uuid(id)],
        )
        for id, (partner_id, public_id, is_deleted, max_in_flight) in found.items()
    }


def _secrets(ids: Collection[UUID]) -> dict[UUID, list[tuple[UUID, str]]]:
    sealed: dict[UUID, list[tuple[UUID, str]]] = {id: [] for id in ids}
    now = connection.ops.adapt_datetimefield_value(datetime.now(UTC))
    with prepared.cursor() as cursor:
        cursor.execute(_statements()["secrets"], [prepared.among(ids), now])
        for owner, id, value in cursor.fetchall():
            sealed[_uuid(owner)].append((_uuid(id), value))
    return sealed


def _statements() -> Mapping[str, str]:
    return POSTGRESQL if connection.vendor == "postgresql" else SQLITE


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _moment(text: str) -> datetime:
    """PostgreSQL says the zone, which is that of the session; SQLite's is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
