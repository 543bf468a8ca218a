"""Partners, and their API keys."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import connections, models
from django.db.models import Q
from django.utils import timezone

from . import prepared, scopes
from .columns import Columns


class PartnerQuerySet(models.QuerySet["Partner"]):
    def by_id(self, ids: Collection[uuid.UUID]) -> "dict[uuid.UUID, Partner]":
        """Those that there are; one SELECT."""
        if not ids:
            return {}
        with prepared.cursor() as cursor:
            cursor.execute(BY_ID[connections[self.db].vendor], [prepared.among(ids)])
            found = map(_PARTNER.instance, cursor.fetchall())
        return {partner.id: partner for partner in found}

    def in_state(self, state: str) -> Self:
        """Those whose `state` is this one."""
        return self.filter(is_active=state == Partner.State.ACTIVE)


class Partner(models.Model):
    """A company that receives events. Each dialect shows its id by its own name."""

    class State(models.TextChoices):
        ACTIVE = "active"
        INACTIVE = "inactive"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True)
    contact_email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    # Name of a limit -> how many this partner may have: see webhooks.operations.limits. What
    # is not named here is as the settings say; null, where all are.
    limits = models.JSONField(null=True, blank=True)

    objects = PartnerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="partner_has_a_name"),
        ]
        permissions = [("explore_partner", "Can call the APIs as a partner")]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> State:
        return self.State.ACTIVE if self.is_active else self.State.INACTIVE


EXPIRES_SOON = timedelta(days=14)
"""Long enough before a key ends to have another one put into a partner's systems."""


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def of(self, partner: Partner) -> Self:
        return self.filter(partner=partner)

    def within(self, shops: Sequence[str]) -> Self:
        """Those that are bound to some of these shops and to no other; with no shops,
        all."""
        granted = [f"{ApiKey.SHOP_PREFIX}{shop}" for shop in shops]
        return self._with_scopes(granted, shops=True)

    def covered_by(self, key: "ApiKey") -> Self:
        """Those that may do no more than `key`, so that whoever holds `key` may have them
        made anew without gaining anything."""
        return self.within(key.shops)._with_scopes(key.acts, shops=False)

    def _with_scopes(self, granted: Sequence[str], *, shops: bool) -> Self:
        """Those with some of the granted ones and with no other; with none granted, all."""
        if not granted:
            return self
        vendor = connections[self.db].vendor
        prefix = ApiKey.SHOP_PREFIX
        return self.filter(
            scopes.within(granted, prefix=prefix, begins=shops, vendor=vendor)
        )

    def chain(self, latest: uuid.UUID) -> Self:
        """The key in use of that id, and all that have led to it by rotations, the oldest
        first."""
        found = self.filter(Q(pk=latest) | Q(replaced_by=latest))
        return found.order_by("created_at", "id")

    def usable_at(self, moment: datetime) -> Self:
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=moment), revoked_at=None
        )

    def in_state(self, state: str, *, at: Any = None) -> Self:
        """Those whose `state` is this one `at` a time, or an expression for one; now without."""
        now, states = timezone.now() if at is None else at, ApiKey.State
        if state == states.REVOKED:
            return self.exclude(revoked_at=None)
        if state == states.EXPIRED:
            return self.filter(revoked_at=None, expires_at__lte=now)
        usable = self.usable_at(now)
        is_off = Q(partner__is_active=False)
        if state == states.OFF:
            return usable.filter(is_off)
        ends_soon = Q(expires_at__isnull=False, expires_at__lte=now + EXPIRES_SOON)
        is_wanted = ends_soon if state == states.EXPIRING else ~ends_soon
        return usable.filter(~is_off, is_wanted)


class ApiKey(models.Model):
    """A key: its lookup prefix and the digest of its text, never the text."""

    class Kind(models.TextChoices):
        PARTNER = "partner"
        PUBLISHER = "publisher"

    # `shop:<id>` among the scopes binds a key to one shop of its partner.
    SHOP_PREFIX = "shop:"

    class State(models.TextChoices):
        USABLE = "usable"
        EXPIRING = "expiring", "Expires soon"
        EXPIRED = "expired"
        REVOKED = "revoked"
        OFF = "off", "Partner off"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(
        Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="keys"
    )
    kind = models.CharField(
        max_length=10, choices=Kind.choices, default=Kind.PARTNER, db_default="partner"
    )
    name = models.CharField(max_length=200, blank=True)
    # Empty = everything its kind may do; otherwise only what is named here.
    scopes = models.JSONField(default=list, blank=True)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)
    pepper = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    # Kept to the minute, so that a busy key does not turn every read into a write.
    last_used_at = models.DateTimeField(null=True, blank=True)
    # When it was last noted that an interface showed it signing secrets; to the hour.
    secrets_shown_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # The key that took its place. What was kept for this one is kept for that one now.
    replaced_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        permissions = [
            ("issue_key", "Can issue an API key"),
            ("revoke_key", "Can revoke an API key"),
        ]
        # The order of the console's list.
        indexes = [models.Index(fields=["-created_at", "-id"], name="apikey_issued")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="partner", partner__isnull=False)
                | Q(kind="publisher", partner__isnull=True),
                name="apikey_partner_unless_publisher",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.prefix

    @property
    def shops(self) -> tuple[str, ...]:
        """The shops that it is bound to; none means every shop of its partner."""
        return tuple(
            scope.removeprefix(self.SHOP_PREFIX)
            for scope in self.scopes
            if scope.startswith(self.SHOP_PREFIX)
        )

    @property
    def acts(self) -> list[str]:
        """The scopes that are no shops: what it may do. None means everything."""
        return [s for s in self.scopes if not s.startswith(self.SHOP_PREFIX)]

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None

    def is_expired_at(self, moment: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= moment

    @property
    def state(self) -> State:
        """The first that is true: revoked, expired, refused with its inactive partner,
        about to expire, usable. `in_state` selects rows by the same rule."""
        now = timezone.now()
        if self.is_revoked:
            return self.State.REVOKED
        if self.is_expired_at(now):
            return self.State.EXPIRED
        if self.partner is not None and not self.partner.is_active:
            return self.State.OFF
        expires_soon = self.is_expired_at(now + EXPIRES_SOON)
        return self.State.EXPIRING if expires_soon else self.State.USABLE


_PARTNER = Columns(Partner, "p")
BY_ID = {
    vendor: f"SELECT {_PARTNER.sql} FROM webhooks_partner AS p WHERE p.id {among}"  # noqa: S608
    for vendor, among in prepared.AMONG.items()
}
