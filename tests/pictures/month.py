"""Thirty days of a company that sells to six partners, one of whose receivers fails.

Rows as the delivery worker and the APIs leave them, the same at every call but for the
time: the last minute is always now.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

import time_machine

from tests.clock import at
from webhooks import dialects
from webhooks.management.sample import events_of
from webhooks.models import (
    ApiKey,
    AuditEntry,
    Delivery,
    Endpoint,
    EndpointHour,
    Event,
    EventType,
    Partner,
    Recovery,
    Subscription,
    Worker,
)
from webhooks.operations import event_types, keys, partners, subscriptions
from webhooks.operations.audit import SYSTEM, Actor
from webhooks.rest import interfaces

from . import sent

DAYS = 30
FAILS_SINCE = timedelta(hours=7)
_MIA = Actor(kind=AuditEntry.ActorKind.STAFF, label="mia")
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Account:
    partner: str
    dialect: str
    host: str
    an_hour: int
    """Attempts in a busy hour."""
    fails: bool = False


ACCOUNTS = [
    Account("Blue Cow Dairy", "blaze", "bluecow.example.com", 90),
    Account("Harbour Books", "partnero", "harbourbooks.example.com", 60),
    Account("Fernway Outdoors", "topiic", "fernway.example.com", 45),
    Account("Quayside Records", "portal", "quayside.example.com", 40, fails=True),
    Account("Old Mill Bakery", "capa", "oldmill.example.com", 20),
    Account("Lumen Yoga", "nursa", "lumen-yoga.example.com", 12),
]


@dataclass(frozen=True)
class Made:
    """What the pictures are of."""

    failing: Subscription
    exhausted: Delivery


def make(now: datetime) -> Made:
    dice = random.Random(7)
    began = now - timedelta(days=DAYS)
    known = set(EventType.objects.values_list("name", flat=True))
    for name, (says, example) in sent.TYPES.items():
        if name not in known:
            event_types.create(by=_MIA, name=name, description=says, example=example)
    failing = exhausted = None
    for account in ACCOUNTS:
        with time_machine.travel(began, tick=False):
            subscription = _subscription(account, began)
        subscription.endpoints.update(first_called_at=began)
        _hours(account, subscription, now, dice)
        given_up = _deliveries(account, subscription, now, dice)
        if account.fails:
            failing, exhausted = subscription, given_up
            _fail(subscription, now)
    assert failing is not None
    assert exhausted is not None
    _unmatched(failing.partner, now)
    _around(failing.partner, now)
    return Made(failing=failing, exhausted=exhausted)


def _subscription(account: Account, began: datetime) -> Subscription:
    partner = partners.create(
        by=_MIA, name=account.partner, contact_email=f"webhooks@{account.host}"
    )
    key, _ = at(began, keys.issue, by=_MIA, partner=partner, name="shop server")
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=began + timedelta(days=DAYS))
    interface = interfaces.get(account.dialect)
    assert interface is not None
    profile = interface.profile
    return subscriptions.create(
        by=SYSTEM,
        identity=interface.form.view.identity(partner, {"api_key": key}),
        name="Shop events",
        urls=[f"https://{account.host}/webhooks"],
        events=events_of(profile)
        if account.dialect in dialects.SLUGS
        else list(sent.TYPES),
        secrets=[profile.new_secret()] if profile.new_secret else [],
    )


def _hours(
    account: Account, subscription: Subscription, now: datetime, dice: random.Random
) -> None:
    endpoint = subscription.endpoints.get()
    last = now.replace(minute=0, second=0, microsecond=0)
    rows = []
    for back in range(DAYS * 24):
        hour = last - back * _HOUR
        # Shops sleep at night and rest on Sundays.
        busy = 0.25 + 0.75 * max(0, 1 - abs(hour.hour - 14) / 9)
        busy *= 0.5 if hour.weekday() == 6 else 1
        busy *= now.minute / 60 if back == 0 else 1
        all_of_it = int(account.an_hour * busy * dice.uniform(0.8, 1.2))
        is_down = account.fails and hour > now - FAILS_SINCE
        failed = all_of_it if is_down else dice.choice([0, 0, 0, 1])
        failed = min(failed, all_of_it)
        quick = all_of_it * 3 // 5
        slow = all_of_it // 20
        rows.append(
            EndpointHour(
                endpoint=endpoint,
                partner=subscription.partner,
                hour=hour,
                delivered=all_of_it - failed,
                failed=failed,
                ms_100=quick,
                ms_250=all_of_it - quick - slow,
                ms_500=slow,
            )
        )
    EndpointHour.objects.bulk_create(rows)


def _deliveries(
    account: Account, subscription: Subscription, now: datetime, dice: random.Random
) -> Delivery | None:
    """The last of them that was given up, of an endpoint that fails."""
    given_up = None
    for number in range(40, 0, -1):
        at = now - number * timedelta(minutes=37, seconds=account.an_hour)
        delivery = sent.delivery(subscription, at, dice)
        if account.fails and at > now - FAILS_SINCE:
            sent.attempts(delivery, [503, 503, None, 503], now, dice)
            given_up = delivery if delivery.state == "exhausted" else given_up
        else:
            sent.attempts(delivery, [200], now, dice)
    return given_up


def _fail(subscription: Subscription, now: datetime) -> None:
    Endpoint.objects.filter(subscription=subscription).update(
        consecutive_failures=212,
        failing_since=now - FAILS_SINCE,
        next_due_at=now + timedelta(minutes=4),
    )


def _unmatched(partner: Partner, now: datetime) -> None:
    for minutes in (12, 96):
        at = now - timedelta(minutes=minutes)
        Event.objects.create(
            id=sent.id_of(at),
            partner=partner,
            type="order.cancelled",
            data={"id": "c_204117"},
            occurred_at=at,
            created_at=at,
            unmatched_reason="No subscription of this partner asks for order.cancelled.",
        )


def _around(partner: Partner, now: datetime) -> None:
    soon = now + timedelta(days=5)
    keys.issue(by=_MIA, partner=partner, name="old till", expires_at=soon)
    leaked, _ = keys.issue(by=_MIA, partner=partner, name="agency")
    keys.revoke(by=_MIA, key=leaked)
    Recovery.objects.create(
        partner=partner,
        filter={
            "subscription": None,
            "outcomes": ["exhausted"],
            "since": (now - timedelta(days=10)).isoformat(),
            "until": (now - timedelta(days=9)).isoformat(),
            "types": [],
        },
        state="done",
        total=412,
        done=412,
        actor="mia",
        created_at=now - timedelta(days=9),
        started_at=now - timedelta(days=9),
        finished_at=now - timedelta(days=9) + timedelta(minutes=2),
    )
    # It beats for an hour in advance: no worker runs here.
    Worker.objects.create(
        host="deliver-1",
        pid=41,
        backend="local",
        started_at=now - timedelta(days=3),
        seen_at=now + _HOUR,
    )
