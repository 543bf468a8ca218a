"""Subscriptions, and their signing secrets."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Self

from django.db import connections, models
from django.db.models import Exists, F, OuterRef, Q

from . import encryption, ids, lossless_json, parts
from .endpoints import Endpoint
from .ids import time_ordered
from .partners import ApiKey, Partner


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def live(self) -> Self:
        return self.filter(deleted_at=None)

    def of(self, partner: Partner, dialect: str) -> Self:
        """The live ones of a partner that a dialect shows."""
        return self.live().filter(partner=partner, dialect=dialect)

    def within(self, shops: Sequence[str]) -> Self:
        """Those of these shops; with no shops, all."""
        return self.filter(shop_id__in=shops) if shops else self

    def with_public_id(self, id: str) -> Self:
        """The one that its dialect shows under this id; a UUID in any case."""
        if "\0" in id:
            return self.none()  # PostgreSQL cannot compare it
        exact, parsed = self.filter(public_id=id), ids.parse(id)
        # Partnero's callers choose ids of their own, in which the case counts.
        if parsed is None or str(parsed) == id or exact.exists():
            return exact
        return self.filter(public_id=str(parsed))

    def in_state(self, state: str) -> Self:
        """Those whose `state` is this one."""
        states = Subscription.State
        if state == states.DELETED:
            return self.exclude(deleted_at=None)
        live = self.live()
        if state == states.OFF:
            return live.filter(is_active=False)
        on = live.filter(is_active=True)
        if state == states.DISABLED:
            return on.exclude(disabled_at=None)
        unhealthy = Exists(
            Endpoint.objects.unhealthy().order_by().filter(subscription=OuterRef("id"))
        )
        on = on.filter(disabled_at=None)
        return on.filter(unhealthy if state == states.FAILING else ~unhealthy)

    def whole(self, *, at: datetime) -> Self:
        """With their endpoints, and the secrets that are live at `at`, in one statement."""
        return self.annotate(**parts.of_subscription(connections[self.db], at=at))


class Subscription(models.Model):
    """Which events a partner receives, and where, in the terms of one dialect."""

    class State(models.TextChoices):
        ON = "on"
        OFF = "off"
        FAILING = "failing"
        DISABLED = "disabled"
        DELETED = "deleted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.ForeignKey(
        Partner, on_delete=models.PROTECT, related_name="subscriptions"
    )
    dialect = models.CharField(max_length=20)
    # The name of the wire profile that its deliveries leave in.
    profile = models.CharField(max_length=20)
    # The id its dialect shows. Most are generated; a dialect may let the caller choose.
    public_id = models.CharField(max_length=64)
    # Only where a dialect keeps one set of settings per key.
    api_key = models.ForeignKey(
        ApiKey, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    # Only where a dialect keeps one set of settings per partner, or per shop of one.
    is_singleton = models.BooleanField(default=False, db_default=False)
    name = models.CharField(max_length=255, blank=True)
    shop_id = models.CharField(max_length=255, blank=True)
    # The dialect's own event names, as given. Null where the caller gave none, which
    # some dialects echo differently from an empty list.
    events = models.JSONField(null=True, blank=True)
    is_active = models.BooleanField(default=True, db_default=True)
    # Set by the portal when none of its endpoints is left to call.
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=300, blank=True)
    # How gently each of its endpoints is called; null = as the portal's own limits say.
    max_in_flight = models.PositiveSmallIntegerField(null=True, blank=True)
    rate_per_minute = models.PositiveIntegerField(null=True, blank=True)
    # One delivery at a time, the next when the one before it has settled for good.
    is_ordered = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)
    # What a vendor's request said that has no meaning here: kept and echoed.
    extras = models.JSONField(decoder=lossless_json.Decoder, default=dict, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        # The order of the console's list.
        indexes = [
            models.Index(fields=["-updated_at", "-id"], name="subscription_changed")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "dialect", "public_id"],
                condition=Q(deleted_at=None),
                name="subscription_public_id_unique",
            ),
            models.UniqueConstraint(
                fields=["partner", "dialect", "shop_id"],
                condition=Q(deleted_at=None, is_singleton=True),
                name="subscription_one_singleton_per_shop",
            ),
            models.UniqueConstraint(
                fields=["api_key", "dialect"],
                condition=Q(deleted_at=None, api_key__isnull=False),
                name="subscription_one_per_key",
            ),
            models.CheckConstraint(
                condition=Q(disabled_at=None, disabled_reason="")
                | (Q(disabled_at__isnull=False) & ~Q(disabled_reason="")),
                name="subscription_disabled_with_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(public_id=""), name="subscription_has_a_public_id"
            ),
            models.CheckConstraint(
                condition=(Q(max_in_flight=None) | Q(max_in_flight__gt=0))
                & (Q(rate_per_minute=None) | Q(rate_per_minute__gt=0)),
                name="subscription_limits_let_something_through",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.dialect} {self.public_id}"

    # What `whole()` fetched; without it the readers below ask the database.
    endpoint_urls: list[str]
    sealed_secrets: list[tuple[str, str]]  # id and value

    @property
    def is_receiving(self) -> bool:
        """Whether new events are queued for it: neither its owner nor the portal has
        switched it off. Interfaces with one flag for both show this one."""
        return self.deleted_at is None and self.is_active and self.disabled_at is None

    @property
    def state(self) -> State:
        """The first that is true: deleted, switched off by its owner, disabled by the
        portal, failing at one of its URLs, on. `in_state` selects rows by the same rule.

        Reads the endpoints: a list prefetches `Endpoint.objects.live()` to the attribute
        `live_endpoints`, or all of them.
        """
        if self.deleted_at is not None:
            return self.State.DELETED
        if not self.is_active:
            return self.State.OFF
        if self.disabled_at is not None:
            return self.State.DISABLED
        endpoints = self.__dict__.get("live_endpoints")
        if endpoints is None:
            endpoints = self.endpoints.all()
        is_failing = any(endpoint.is_unhealthy for endpoint in endpoints)
        return self.State.FAILING if is_failing else self.State.ON

    @property
    def urls(self) -> list[str]:
        """The URLs of the live endpoints, in their order."""
        if "endpoint_urls" in self.__dict__:
            return list(self.endpoint_urls)
        return [endpoint.url for endpoint in self.endpoints.live()]

    @property
    def url(self) -> str | None:
        """The first of them, for interfaces that have one; None without any."""
        return next(iter(self.urls), None)

    def live_rows_of_secrets(self, at: datetime) -> "list[SigningSecret]":
        """The secrets that sign at `at`, oldest first, sealed."""
        if "sealed_secrets" in self.__dict__:
            return [
                SigningSecret(id=uuid.UUID(id), value=value)
                for id, value in self.sealed_secrets
            ]
        return list(self.secrets.live(at))

    def live_secrets(self, at: datetime) -> list[str]:
        """The same in plain. Raises encryption.Undecryptable."""
        return [secret.reveal() for secret in self.live_rows_of_secrets(at)]


class SigningSecretQuerySet(models.QuerySet["SigningSecret"]):
    def live(self, at: datetime) -> Self:
        """Those that sign at `at`, oldest first."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=at)).order_by(
            "created_at", "id"
        )


class SigningSecret(models.Model):
    """A secret that signs. Two live at most, while one replaces the other."""

    SEALED = "value"

    # Ordered, so that secrets given together keep the order they were given in.
    id = models.UUIDField(primary_key=True, default=time_ordered, editable=False)
    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="secrets"
    )
    value = models.TextField(editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = SigningSecretQuerySet.as_manager()

    class Meta:
        permissions = [("reveal_secret", "Can see a signing secret")]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gte=F("created_at")),
                name="secret_expires_after_its_creation",
            ),
        ]

    def __str__(self) -> str:
        return f"secret of {self.subscription_id}"

    def __repr__(self) -> str:
        return f"<SigningSecret {self.id}>"

    @classmethod
    def sealed(
        cls,
        *,
        subscription: Subscription,
        plaintext: str,
        created_at: datetime,
        expires_at: datetime | None = None,
    ) -> "SigningSecret":
        """An unsaved secret that holds `plaintext` encrypted for its own row."""
        secret = cls(
            subscription=subscription, created_at=created_at, expires_at=expires_at
        )
        secret.seal(plaintext)
        return secret

    def seal(self, plaintext: str) -> None:
        self.value = encryption.encrypt(plaintext, row=self._row)

    def reveal(self) -> str:
        """The plain secret; raises encryption.Undecryptable."""
        return self.revealed(self.id, self.value)

    @staticmethod
    def revealed(id: uuid.UUID, value: str) -> str:
        """The same of a row that was read without its object."""
        return encryption.decrypt(value, row=_row_of(id))

    @property
    def _row(self) -> str:
        return _row_of(self.id)


def _row_of(id: uuid.UUID) -> str:
    return f"signing_secret:{id}"
