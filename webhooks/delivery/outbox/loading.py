"""Reading what the attempts of a claim need."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from webhooks.delivery.job import Claim, Job, Subscriber
from webhooks.models import Event, SigningSecret

# Moments as text: the driver's own way of reading them is the slowest part of a row. The
# body is what was sent the first time, if there was one, or what this delivery repeats.
_LOAD = """
    SELECT d.id, d.subscription_id, s.public_id, s.deleted_at IS NOT NULL,
           s.max_in_flight,
           d.endpoint_id, d.url, d.profile, d.attempts,
           d.event_id, e.type, CAST(e.occurred_at AS text), e.data,
           TEST_OF IS NOT NULL,
           COALESCE(
               CASE WHEN d.attempts > 0 THEN (
                   SELECT a.request_body FROM webhooks_attempt AS a
                   WHERE a.delivery_id = d.id AND a.request_body IS NOT NULL
                   ORDER BY a.number LIMIT 1) END,
               CASE WHEN d.redelivery_of IS NOT NULL AND NOT d.is_rerendered THEN (
                   SELECT a.request_body FROM webhooks_attempt AS a
                   WHERE a.delivery_id = d.redelivery_of AND a.request_body IS NOT NULL
                   ORDER BY a.number LIMIT 1) END)
    FROM webhooks_delivery AS d
    JOIN webhooks_event AS e ON e.id = d.event_id
    JOIN webhooks_subscription AS s ON s.id = d.subscription_id
    WHERE d.claim_token = %(token)s AND d.id
"""
_POSTGRESQL = f"{_LOAD} = ANY(%(ids)s)".replace(
    "TEST_OF", f"e.attributes -> '{Event.TEST_OF}'"
)
_SQLITE = f"{_LOAD} IN (SELECT value FROM json_each(%(ids)s))".replace(  # noqa: S608 - constants only
    "TEST_OF", f"json_type(e.attributes, '$.{Event.TEST_OF}')"
)


def load(claim: Claim) -> list[Job]:
    """What is needed to send the claimed deliveries that are still the claim's."""
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute(
            _POSTGRESQL if is_postgresql else _SQLITE,
            {
                "token": claim.token if is_postgresql else claim.token.hex,
                "ids": list(claim.ids)
                if is_postgresql
                else orjson.dumps([id.hex for id in claim.ids]).decode(),
            },
        )
        rows = cursor.fetchall()
    subscribers = _subscribers({row[1]: row[2:5] for row in rows})
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


def _subscribers(
    found: Mapping[Any, Sequence[Any]],
) -> dict[Any, Subscriber]:
    ids = {_uuid(id) for id in found}
    secrets = _secrets(ids)
    return {
        id: Subscriber(
            id=_uuid(id),
            public_id=public_id,
            is_deleted=bool(is_deleted),
            max_in_flight=max_in_flight,
            sealed_secrets=secrets[_uuid(id)],
        )
        for id, (public_id, is_deleted, max_in_flight) in found.items()
    }


def _secrets(ids: Collection[UUID]) -> dict[UUID, list[SigningSecret]]:
    sealed: dict[UUID, list[SigningSecret]] = {id: [] for id in ids}
    for secret in SigningSecret.objects.live(datetime.now(UTC)).filter(
        subscription_id__in=ids
    ):
        sealed[secret.subscription_id].append(secret)
    return sealed


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _moment(text: str) -> datetime:
    """In UTC, which PostgreSQL says and SQLite does not."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
