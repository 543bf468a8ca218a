"""The access of a caller: the rows that it may see and change, in every interface.

A key may be bound to shops of its partner (`shop:<id>` among its scopes). Then it sees the
subscriptions of these shops, what was sent to them, and the keys that are bound within
these shops. Nothing else exists for it. Reads go through `Access`; an operation finds
the row that it changes through `locked`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet

from webhooks.models import (
    ApiKey,
    Delivery,
    Partner,
    Recovery,
    Subscription,
    reads,
)
from webhooks.models.partners import ApiKeyQuerySet
from webhooks.models.subscriptions import SubscriptionQuerySet

from .audit import Actor

Row = TypeVar("Row", bound=Model)


class NotFound(Exception):
    """The row does not exist, for this actor at least."""


class ShopForbidden(Exception):
    """The actor is bound to other shops."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """The rows that a caller of an interface may see. An interface reads only through this."""

    partner: Partner
    shops: tuple[str, ...] = ()
    """Empty: every shop of the partner."""

    def subscriptions(self, dialect: str) -> SubscriptionQuerySet:
        """The live ones of a dialect."""
        return Subscription.objects.of(self.partner, dialect).within(self.shops)

    def subscription(
        self, dialect: str, public_id: str, *, at: datetime
    ) -> Subscription | None:
        """The one of them that the dialect shows under this id, a UUID in any case, with its
        endpoints and the secrets that are live at `at`."""
        return reads.subscription(
            self.partner, dialect, public_id, shops=self.shops, at=at
        )

    def deliveries(self) -> QuerySet[Delivery]:
        """Of every dialect, the latest first; those of deleted subscriptions too."""
        rows = Delivery.objects.filter(partner=self.partner).within(self.shops)
        return rows.order_by("-id")

    def recoveries(self) -> QuerySet[Recovery]:
        """The latest first."""
        rows = Recovery.objects.filter(partner=self.partner).within(self.shops)
        return rows.order_by("-id")

    def keys(self) -> ApiKeyQuerySet:
        """Those that reach no shop beyond the caller's, the oldest first."""
        return (
            ApiKey.objects.of(self.partner)
            .within(self.shops)
            .order_by("created_at", "id")
        )


class _Scoped(Protocol[Row]):
    """Rows that belong to shops."""

    def filter(self, *, pk: UUID) -> "_Scoped[Row]": ...

    def within(self, shops: Sequence[str]) -> QuerySet[Row]: ...


def locked(rows: _Scoped[Row], id: UUID, *, by: Actor) -> Row:
    """The row of that id, locked until the transaction ends; raises NotFound."""
    found = rows.filter(pk=id).within(by.shops)
    # No key: who writes rows that refer to this one need not wait.
    row = found.select_for_update(of=("self",), no_key=True).first()
    if row is None:
        raise NotFound(id)
    return row


class _Replaced(Exception):
    """The key was replaced while its lock was waited for. What it leaves is a savepoint,
    which lets go of the lock: locks taken one after the other could meet in a deadlock."""


def key_in_use(key: ApiKey, *, by: Actor) -> ApiKey:
    """The key itself, or the last that has replaced it; locked, so that it is not revoked
    meanwhile. Raises NotFound for one that was revoked."""
    while True:
        with suppress(_Replaced), transaction.atomic():
            found = locked(ApiKey.objects.all(), _latest_id(key), by=by)
            if found.replaced_by_id is not None:
                raise _Replaced
            if found.is_revoked:
                raise NotFound(key.id)
            return found


@dataclass(frozen=True)
class Chain:
    """A key, among all keys that have replaced one another with it."""

    key: ApiKey
    rows: Sequence[ApiKey]
    """The oldest first; the last is the one in use."""

    @property
    def latest(self) -> ApiKey:
        return self.rows[-1]

    @property
    def descendants(self) -> Sequence[ApiKey]:
        """Those that a rotation has made of the key, or of one that it has made."""
        return self.rows[self.rows.index(self.key) + 1 :]


def chain(key: ApiKey) -> Chain:
    """As it is at this moment."""
    rows = ApiKey.objects.select_related("partner")
    return Chain(key, list(rows.chain(_latest_id(key))))


def locked_chain(key: ApiKey, *, by: Actor) -> Chain:
    """Locked until the transaction ends; its key is read anew. Raises NotFound."""
    rows = ApiKey.objects.within(by.shops).select_related("partner")
    while rows.filter(pk=key.pk).exists():
        with suppress(_Replaced), transaction.atomic():
            latest_id = _latest_id(key)
            chain = rows.chain(latest_id)
            found = list(chain.select_for_update(of=("self",), no_key=True))
            by_id = {row.pk: row for row in found}
            latest = by_id.pop(latest_id, None)
            # One that was replaced meanwhile is not found, or has a replacement.
            if latest is None or latest.replaced_by_id is not None:
                raise _Replaced
            if key.pk not in (latest_id, *by_id):
                raise _Replaced
            ordered = [*by_id.values(), latest]
            return Chain(next(r for r in ordered if r.pk == key.pk), ordered)
    raise NotFound(key.id)


def _latest_id(key: ApiKey) -> UUID:
    latest = ApiKey.objects.values_list("replaced_by", flat=True).get(pk=key.pk)
    return latest or key.pk


def shop_of_new(by: Actor, key: ApiKey | None, asked: str) -> str:
    """The shop of a new subscription: the one that is asked for, or else the first that
    its key is bound to, where it is one key's, or the caller. Raises ShopForbidden."""
    bound = key.shops if key else by.shops
    shop = asked or next(iter(bound), "")
    if bound and shop not in bound:
        raise ShopForbidden
    return shop
