"""What was sent, attempt by attempt, as the delivery worker leaves it."""

import random
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from webhooks.models import Attempt, Delivery, Event, Subscription

TYPES: dict[str, tuple[str, dict[str, Any]]] = {
    "customer.created": ("A customer has signed up.", {"email": "ada@example.com"}),
    "order.paid": ("An order is paid in full.", {"total": "49.90", "currency": "EUR"}),
    "order.refunded": ("Money went back to the customer.", {"total": "12.50"}),
    "parcel.shipped": ("A parcel is on its way.", {"carrier": "ground", "days": 2}),
}
# From the event to each attempt.
WAITS = [timedelta(minutes=minutes) for minutes in (0, 5, 25, 70)]


def delivery(subscription: Subscription, at: datetime, dice: random.Random) -> Delivery:
    name = dice.choice(list(TYPES))
    endpoint = subscription.endpoints.get()
    event = Event.objects.create(
        id=id_of(at),
        partner=subscription.partner,
        type=name,
        data={"id": f"c_{dice.randrange(10**6):06}", **TYPES[name][1]},
        occurred_at=at,
        created_at=at,
        matched=1,
    )
    return Delivery.objects.create(
        id=id_of(at),
        event=event,
        partner=subscription.partner,
        subscription=subscription,
        endpoint=endpoint,
        url=endpoint.url,
        profile=subscription.profile,
        state="delivered",
        created_at=at,
        settled_at=at,
    )


def attempts(
    of: Delivery, statuses: list[int | None], now: datetime, dice: random.Random
) -> None:
    """As many as there was time for; the delivery stands as the last has left it."""
    moments = [of.created_at + wait for wait in WAITS[: len(statuses)]]
    made = [pair for pair in zip(moments, statuses, strict=True) if pair[0] < now]
    for number, (began, status) in enumerate(made, 1):
        took = 15_000 if status is None else dice.randrange(40, 260)
        Attempt.objects.create(
            id=id_of(began),
            delivery=of,
            number=number,
            started_at=began,
            duration_ms=took,
            lookup_ms=dice.randrange(1, 12),
            connect_ms=dice.randrange(8, 26),
            outcome=_outcome(status),
            status=status,
            request_headers={
                "Content-Type": "application/json",
                "User-Agent": "Webhook-Portal/1",
                "webhook-id": str(of.event_id),
                "webhook-timestamp": str(int(began.timestamp())),
            },
            request_body=_body(of.event) if number == 1 else None,
            **_answer(status),
        )
        of.settled_at = began + timedelta(milliseconds=took)
    of.attempts = len(made)
    of.last_status = made[-1][1]
    of.last_outcome = _outcome(of.last_status)
    if len(made) < len(statuses):
        of.state, of.settled_at, of.due_at = "pending", None, moments[len(made)]
    elif of.last_status != 200:
        of.state = "exhausted"
    of.save()


def _outcome(status: int | None) -> str:
    return {200: "ok", None: "timeout"}.get(status, "status")


def _body(event: Event) -> bytes:
    data = ", ".join(f'"{name}": "{value}"' for name, value in event.data.items())
    return f'{{"type": "{event.type}", "data": {{{data}}}}}'.encode()


def _answer(status: int | None) -> dict[str, Any]:
    if status is None:
        return {"error": "No complete answer within 15 seconds."}
    if status == 200:
        return {"response_headers": [["Server", "nginx"]], "response_body": b"ok"}
    return {
        "response_headers": [["Server", "nginx"], ["Content-Type", "text/plain"]],
        "response_body": b"upstream shop-api is not answering",
    }


def id_of(at: datetime) -> UUID:
    """As it would have been made then (RFC 9562, version 7): lists go by their ids."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | secrets.randbits(62))
