"""Endpoints: the URLs of a subscription, with the health of each."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def live(self) -> Self:
        return self.filter(removed_at=None).order_by("position")

    def receiving(self) -> Self:
        """Those that new events are queued to."""
        return self.live().filter(disabled_at=None)

    def unhealthy(self) -> Self:
        """Those of the live ones that fail, or that failed until they were disabled."""
        return self.live().exclude(failing_since=None, disabled_at=None)

    def in_health(self, health: str) -> Self:
        """Those whose `health` is this one at this moment."""
        if health == Endpoint.Health.DISABLED:
            return self.exclude(disabled_at=None)
        enabled = self.filter(disabled_at=None)
        is_paused = Q(open_until__isnull=False, open_until__gt=timezone.now())
        if health == Endpoint.Health.PAUSED:
            return enabled.filter(is_paused)
        sent_to = enabled.exclude(is_paused)
        if health == Endpoint.Health.FAILING:
            return sent_to.exclude(failing_since=None)
        not_called = health == Endpoint.Health.NOT_CALLED
        return sent_to.filter(failing_since=None, first_called_at__isnull=not_called)


class Endpoint(models.Model):
    """A URL of a subscription, and how it has been doing.

    Health and fairness belong to the URL: a changed URL is a new endpoint, and the old
    one stays as `removed_at` for the deliveries that were queued to it.
    """

    class Health(models.TextChoices):
        NOT_CALLED = "not_called", "Not called yet"
        HEALTHY = "healthy"
        FAILING = "failing"
        PAUSED = "paused"
        DISABLED = "disabled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(
        "webhooks.Subscription", on_delete=models.CASCADE, related_name="endpoints"
    )
    url = models.CharField(max_length=2048)
    position = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)
    # When its first request ended. Null = it was never called.
    first_called_at = models.DateTimeField(null=True, blank=True)
    # Attempts that failed since the last success, and when the first of them ended.
    consecutive_failures = models.PositiveIntegerField(default=0, db_default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    # The circuit breaker: how often it opened since the last success, until when
    # nothing is sent, and the claim that carries the one probe after that.
    trips = models.PositiveSmallIntegerField(default=0, db_default=0)
    open_until = models.DateTimeField(null=True, blank=True)
    probe_token = models.UUIDField(null=True, blank=True)
    # The rate limit lets the next request go at this time.
    paced_until = models.DateTimeField(null=True, blank=True)
    # From when on a claim looks here; null = nothing is queued. It may be too early,
    # and never later than the first delivery that could be sent.
    next_due_at = models.DateTimeField(null=True, blank=True)
    # Set by the portal: its receiver said it is gone, or has failed for days.
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=300, blank=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "url"],
                condition=Q(removed_at=None),
                name="endpoint_url_once_per_subscription",
            ),
            models.CheckConstraint(
                condition=Q(consecutive_failures=0, failing_since=None)
                | Q(consecutive_failures__gt=0, failing_since__isnull=False),
                name="endpoint_failing_since_its_first_failure",
            ),
            models.CheckConstraint(
                condition=Q(disabled_at=None, disabled_reason="")
                | (Q(disabled_at__isnull=False) & ~Q(disabled_reason="")),
                name="endpoint_disabled_with_a_reason",
            ),
        ]
        indexes = [
            # Only endpoints with something queued: a claim reads its first entries.
            models.Index(
                fields=["next_due_at"],
                condition=Q(next_due_at__isnull=False),
                name="endpoint_due",
            ),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def is_unhealthy(self) -> bool:
        """Whether `unhealthy` finds it: it fails, or was disabled for failing."""
        if self.removed_at is not None:
            return False
        return self.failing_since is not None or self.disabled_at is not None

    @property
    def health(self) -> Health:
        """The first that is true: disabled by the portal, paused by the circuit breaker
        at this moment, failing, never called, healthy. `in_health` selects rows by the
        same rule."""
        if self.disabled_at is not None:
            return self.Health.DISABLED
        if self.open_until is not None and self.open_until > timezone.now():
            return self.Health.PAUSED
        if self.failing_since is not None:
            return self.Health.FAILING
        is_called = self.first_called_at is not None
        return self.Health.HEALTHY if is_called else self.Health.NOT_CALLED
