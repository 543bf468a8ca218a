"""The limits of a partner: how much of each thing it may have, ask for and send.

An operation that makes something more calls `hold` as the last thing in its transaction.
The partner's row is locked there, after every other lock, so that of two changes at once the
second counts the first; what is refused is rolled back. It calls `look` before its first
statement that writes, so that who asks again and again at a limit costs little. A change that
makes nothing more is never refused: what is beyond a limit that was lowered can be read, changed
and deleted.

The settings say how many, and `Partner.limits` for one partner. Staff are held to the limits
as keys are, since what they make weighs the same; who may change partners raises a limit.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Func, IntegerField, OuterRef, QuerySet, Subquery

from webhooks.models import ApiKey, Partner

from . import limited_rows

MOST = 1_000_000
"""Of anything, whatever staff say: what is counted is counted at each change."""


class Kind(Enum):
    COUNT = "count"  # of rows that are there
    LENGTH = "length"  # of what one request holds
    RATE = "rate"  # in a time, so that waiting helps


Rows = Callable[[Any], QuerySet[Any]]
"""The rows that count, of the partner of that id."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    name: str
    label: str
    """What is limited, for pages and with a number before it."""
    setting: str = ""
    """The name of its setting; empty for one that nothing changes."""
    most: int = 0
    """The number of one without a setting."""
    kind: Kind = Kind.COUNT
    rows: Rows | None = None
    hint: str = ""
    """What to do at the limit."""
    field: str = ""
    """The field of a subscription that holds what is too long."""

    @property
    def default(self) -> int:
        """As the settings say."""
        return getattr(settings, self.setting) if self.setting else self.most

    @property
    def column(self) -> str:
        """Of `with_counts`."""
        return f"number_of_{self.name}"

    def of(self, partner: Partner | None) -> int:
        """For this partner; without one, as the settings say."""
        override = (partner.limits or {}).get(self.name) if partner else None
        return self.default if override is None else override


class LimitReached(Exception):
    """The partner may have no more of it; says so in a sentence for its people.

    `wait` is in whole seconds, where waiting helps."""

    def __init__(self, limit: Limit, most: int, *, wait: int | None = None) -> None:
        text = f"The limit of {most:,} {limit.label} is reached."
        if limit.kind is Kind.LENGTH:
            text = f"There may be at most {most:,} {limit.label}."
        super().__init__(f"{text} {limit.hint}".strip())
        self.limit = limit
        self.most = most
        self.wait = wait


SUBSCRIPTIONS = Limit(
    name="subscriptions",
    label="subscriptions",
    setting="LIMIT_SUBSCRIPTIONS",
    rows=limited_rows.subscriptions,
)
URLS = Limit(name="urls", label="URLs", setting="LIMIT_URLS", rows=limited_rows.urls)
EVENT_NAMES = Limit(
    name="event_names",
    label="events in the list of a subscription",
    setting="LIMIT_EVENT_NAMES",
    kind=Kind.LENGTH,
    field="events",
)
SECRETS = Limit(
    name="secrets",
    label="signing secrets",
    setting="LIMIT_SECRETS",
    rows=limited_rows.secrets,
    hint="A rotation without an overlap needs none more.",
)
KEYS = Limit(
    name="keys", label="API keys", setting="LIMIT_KEYS", rows=limited_rows.keys
)
KEY_CHAIN = Limit(
    name="key_chain",
    label="working keys that replace one another",
    setting="LIMIT_KEY_CHAIN",
    hint="Revoke one that is no longer used, or wait until one ends.",
)
RECOVERIES = Limit(
    name="recoveries",
    label="recoveries that run at once",
    setting="LIMIT_RECOVERIES",
    rows=limited_rows.recoveries,
)
SENT_AGAIN = Limit(
    name="sent_again",
    label="redeliveries that wait",
    setting="LIMIT_SENT_AGAIN",
    rows=limited_rows.sent_again,
    hint="A recovery replays many.",
)
SENDS = Limit(
    name="sends_per_minute",
    label="requests a minute by tests and redeliveries",
    setting="LIMIT_SENDS_PER_MINUTE",
    kind=Kind.RATE,
)
SENDS_TO_ONE = Limit(
    name="sends_per_minute_to_one",
    label="tests and redeliveries a minute to one subscription",
    setting="LIMIT_SENDS_PER_MINUTE_TO_ONE",
    kind=Kind.RATE,
)
IDEMPOTENCY_KEYS = Limit(
    name="idempotency_keys",
    label="idempotency keys a day",
    setting="LIMIT_IDEMPOTENCY_KEYS",
    kind=Kind.RATE,
)

CHANGES = Limit(
    name="changes_per_hour",
    label="changes an hour by API keys",
    setting="LIMIT_CHANGES_PER_HOUR",
    kind=Kind.RATE,
    rows=limited_rows.changes,
)


def _characters(name: str, most: int, where: str, field: str = "") -> Limit:
    label = f"characters in {where}"
    return Limit(name=name, label=label, most=most, kind=Kind.LENGTH, field=field)


NAME = _characters("name", 255, "a name", "name")
NAME_OF_KEY = _characters("key_name", 200, "a name")
SHOP = _characters("shop_id", 255, "a shop id", "shop_id")
EVENT_NAME = _characters("event_name", 255, "the name of an event", "events")
SECRET = _characters("secret", 255, "a secret", "secrets")
DESCRIPTION = _characters("description", 2000, "a description")
SCOPES = Limit(
    name="scopes",
    label="scopes of a key, its shops among them",
    most=100,
    kind=Kind.LENGTH,
)

EVERY = (
    SUBSCRIPTIONS,
    URLS,
    EVENT_NAMES,
    SECRETS,
    KEYS,
    KEY_CHAIN,
    RECOVERIES,
    SENT_AGAIN,
    SENDS,
    SENDS_TO_ONE,
    IDEMPOTENCY_KEYS,
    CHANGES,
)
"""Those that have a setting, and that may be another for one partner."""


def look(partner: Partner, more: Mapping[Limit, int]) -> None:
    """Refuse what the caller is about to make, where the partner would have too much: `more`
    of each limit, or a list of that length.

    One statement, and no lock: of two at once, `hold` refuses the second. Raises LimitReached.
    """
    making = {limit: number for limit, number in more.items() if number > 0}
    if not making:
        return
    found = with_counts(partner.pk, making).only("id", "limits").get()
    for limit, number in making.items():
        has = getattr(found, limit.column, 0)  # of a length there is nothing yet
        if has + number > (most := limit.of(found)):
            raise LimitReached(limit, most)


def hold(partner: Partner, *counted: Limit, event_names: int = 0) -> None:
    """Refuse what this transaction has made, where the partner has more than it may of
    `counted`, or a list of more `event_names`.

    Two statements. To be called last: no lock is waited for after the partner's. Raises
    LimitReached.
    """
    locked = lock(partner)
    if event_names > (most := EVENT_NAMES.of(locked)):
        raise LimitReached(EVENT_NAMES, most)
    for limit, number in used(locked.pk, counted).items():
        if number > (most := limit.of(locked)):
            raise LimitReached(limit, most)


def lock(partner: Partner) -> Partner:
    """Its row with its limits, locked until the transaction ends: the last that is locked."""
    rows = Partner.objects.select_for_update(no_key=True).only("id", "limits")
    return rows.get(pk=partner.pk)


def hold_chain(
    partner: Partner | None, latest: ApiKey, *, ending: Collection[ApiKey], at: datetime
) -> None:
    """Refuse to replace `latest`, where too many keys of its chain would still work beside the
    new one and without `ending`. The caller has locked them. Raises LimitReached."""
    most = KEY_CHAIN.of(partner)
    left = ApiKey.objects.chain(latest.pk).usable_at(at)
    if left.exclude(pk__in=[key.pk for key in ending]).count() + 1 > most:
        raise LimitReached(KEY_CHAIN, most)


def check_lengths(limit: Limit, *texts: str) -> None:
    """Raises LimitReached. Columns do not say it: SQLite keeps a text of any length."""
    if any(len(text) > limit.most for text in texts):
        raise LimitReached(limit, limit.most)


def used(partner: UUID, limits: Collection[Limit]) -> dict[Limit, int]:
    """How many rows the partner has of each that counts rows; one statement."""
    counting = [limit for limit in limits if limit.rows is not None]
    if not counting:
        return {}
    columns = [limit.column for limit in counting]
    numbers = with_counts(partner, counting).values_list(*columns).get()
    return dict(zip(counting, numbers, strict=True))


def with_counts(partner: UUID, limits: Collection[Limit]) -> QuerySet[Partner]:
    """The partner, with a column for each of the limits that counts rows."""
    counts = {limit.column: _count(limit.rows) for limit in limits if limit.rows}
    return Partner.objects.filter(pk=partner).order_by().annotate(**counts)


def _count(rows: Rows) -> Subquery:
    # A COUNT without GROUP BY, which `annotate(Count())` would add.
    number = Func(F("pk"), function="COUNT", output_field=IntegerField())
    counting = rows(OuterRef("pk")).order_by().annotate(number=number)
    return Subquery(counting.values("number"))
