"""Reads what a soak left in the database."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db import connection
from django.db.models import F, Sum

from webhooks import models

from .evidence import Attempt, Delivery, Event, Move, history


def is_all_settled() -> bool:
    """Whether everything was queued and has ended. Raises while the database is away."""
    return not (
        models.Delivery.objects.pending().exists()
        or models.PendingFanout.objects.exists()
    )


def is_in_pieces() -> bool:
    """Whether a part of an event's deliveries is written and a part is not. Raises while
    the database is away."""
    return models.PendingFanout.objects.filter(written__gt=0).exists()


def busy() -> set[str]:
    """The processes that have claims at this moment. Raises while the database is away."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT m.actor FROM webhooks_delivery AS d JOIN soak_move AS m"
            " ON m.delivery = d.id AND m.new_token = d.claim_token"
            " WHERE d.state = 'pending'"
        )
        return {actor for (actor,) in cursor.fetchall()}


def is_locked() -> bool:
    """Whether somebody holds SQLite's one lock for longer than a transaction takes."""
    if connection.vendor != "sqlite":
        return False
    name = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(name, timeout=0.5, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        other.execute("ROLLBACK")
    return False


def was_robbed(actor: str, *, since: float) -> bool:
    """Whether another took over what `actor` had claimed. Raises while the database is
    away."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM soak_move AS theirs JOIN soak_move AS mine"
            " ON mine.delivery = theirs.delivery AND mine.new_token = theirs.old_token"
            " WHERE theirs.at > %s AND theirs.new_token IS NOT NULL"
            " AND mine.actor = %s AND theirs.actor <> %s LIMIT 1",
            [since, actor, actor],
        )
        return cursor.fetchone() is not None


def events() -> list[Event]:
    rows = models.Event.objects.values_list("id", "idempotency_key", "matched")
    return [Event(id, int(key or -1), matched) for id, key, matched in rows]


def deliveries() -> list[Delivery]:
    attempts, moves = _attempts(), _moves()
    made = []
    for row in models.Delivery.objects.order_by("id"):
        claims, strays = history(moves[row.id])
        made.append(
            Delivery(
                id=row.id,
                event=row.event_id,
                path=urlsplit(row.url).path,
                state=row.state,
                attempts=row.attempts,
                recorded=attempts[row.id],
                claims=claims,
                strays=strays,
            )
        )
    return made


def hours() -> dict[str, int]:
    rows = models.EndpointHour.objects.values_list("endpoint__url").annotate(
        attempts=Sum(F("delivered") + F("failed"))
    )
    return {urlsplit(url).path: attempts for url, attempts in rows}


def _attempts() -> dict[UUID, list[Attempt]]:
    found = defaultdict(list)
    for row in models.Attempt.objects.order_by("delivery_id", "number").values(
        "delivery_id", "number", "outcome", "response_headers"
    ):
        headers = {name.lower(): value for name, value in row["response_headers"]}
        arrival = headers.get("x-arrival")
        found[row["delivery_id"]].append(
            Attempt(row["number"], row["outcome"], int(arrival) if arrival else None)
        )
    return found


def _moves() -> dict[UUID, list[Move]]:
    found = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT delivery, at, actor, old_token, new_token, old_state, new_state,"
            " old_attempts, new_attempts, is_begun FROM soak_move ORDER BY id"
        )
        for delivery, at, actor, old, new, *rest in cursor.fetchall():
            rest[-1] = bool(rest[-1])
            found[_uuid(delivery)].append(
                Move(at, actor, _token(old), _token(new), *rest)
            )
    return found


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _token(value: Any) -> UUID | None:
    return None if value is None else _uuid(value)
