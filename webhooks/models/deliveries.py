"""Deliveries and their attempts: the queue, the log and the statistics."""

from collections.abc import Sequence
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

from .endpoints import Endpoint
from .events import Event
from .ids import time_ordered
from .partners import Partner
from .recoveries import Recovery
from .subscriptions import Subscription


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def pending(self) -> Self:
        return self.filter(state=Delivery.State.PENDING)

    def within(self, shops: Sequence[str]) -> Self:
        """Those to subscriptions of these shops; with no shops, all."""
        return self.filter(subscription__shop_id__in=shops) if shops else self

    def in_status(self, status: str) -> Self:
        """Those whose `status` is this one."""
        if status == Delivery.Status.RETRYING:
            return self.pending().filter(attempts__gt=0)
        found = self.filter(state=status)
        return found.filter(attempts=0) if status == Delivery.Status.PENDING else found

    def unrecovered(self) -> Self:
        """Given up, no test, and neither has a repeat arrived nor is one on its way.

        A repeat is looked up by its event too: `redelivery_of` alone is in no index.
        """
        again = Delivery.objects.filter(
            event_id=OuterRef("event_id"),
            redelivery_of=OuterRef("id"),
            state__in=[Delivery.State.PENDING, Delivery.State.DELIVERED],
        )
        return self.filter(
            state=Delivery.State.EXHAUSTED,
            redelivery_of=None,
            subscription__deleted_at=None,
        ).filter(~Q(reason=Delivery.TRIED_ONCE), ~Exists(again))


class Delivery(models.Model):
    """One event on its way to one endpoint. A pending row is a job of the queue.

    A claim writes `claim_token` and pushes `due_at` past the deadline of the attempt;
    a row whose worker died falls due again by itself.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        EXHAUSTED = "exhausted"
        CANCELLED = "cancelled"
        NOT_SENT = "not_sent", "Not sent"

    class Status(models.TextChoices):
        """The state for people: it also tells whether a pending delivery was tried before."""

        PENDING = "pending"
        RETRYING = "retrying"
        DELIVERED = "delivered"
        EXHAUSTED = "exhausted", "Failed permanently"
        CANCELLED = "cancelled"
        NOT_SENT = "not_sent", "Not sent"

    TRIED_ONCE = "A test is tried once."
    """Why a test that failed has ended. No real event was lost, so nothing is to be recovered."""

    WAITS_FOR_KEY = "It cannot be signed: the encryption key of its signing secret is not configured."
    """Why one is pending although it was due. It waits, and loses no attempt."""

    class Lane(models.IntegerChoices):
        """Where it queues at its endpoint. While all of them wait, a claim takes most
        from the first, so that neither late retries nor a replay delay what is new."""

        FRESH = 0
        LATE = 1, "late retry"
        RECOVERY = 2
        ORDERED = 3, "in order"

    id = models.UUIDField(primary_key=True, default=time_ordered, editable=False)
    event = models.ForeignKey(
        Event, on_delete=models.CASCADE, related_name="deliveries"
    )
    # Every index is written at every change of a row, so each column that has one
    # shares it: see `indexes`.
    partner = models.ForeignKey(
        Partner, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    subscription = models.ForeignKey(
        Subscription,
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_index=False,
    )
    # Null exactly for what was not sent because the subscription had no URL.
    endpoint = models.ForeignKey(
        Endpoint,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="deliveries",
        db_index=False,
    )
    # The URL when the event happened: a later change holds for later events.
    url = models.CharField(max_length=2048, blank=True)
    profile = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=State.choices)
    attempts = models.PositiveIntegerField(default=0, db_default=0)
    lane = models.PositiveSmallIntegerField(
        choices=Lane.choices, default=Lane.FRESH, db_default=0
    )
    # The delivery it repeats; no foreign key, because that one may be pruned first.
    redelivery_of = models.UUIDField(null=True, blank=True)
    # Whether it is rendered anew instead of repeating the bytes of the first time.
    is_rerendered = models.BooleanField(default=False, db_default=False)
    recovery = models.ForeignKey(
        Recovery,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="deliveries",
        db_index=False,
    )
    # Claims that were never settled: one that kills its workers is quarantined.
    lost_claims = models.PositiveSmallIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    claim_token = models.UUIDField(null=True, blank=True)
    # Whether a sender has it in hand; a claim that waits in a broker is not begun.
    is_begun = models.BooleanField(default=False, db_default=False)
    settled_at = models.DateTimeField(null=True, blank=True)
    last_outcome = models.CharField(max_length=20, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    # In words, for what ended without an answer (quarantined, cancelled, not sent), and for
    # what waits for an encryption key.
    reason = models.CharField(max_length=300, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        permissions = [("replay_delivery", "Can send a delivery again")]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        "pending",
                        "delivered",
                        "exhausted",
                        "cancelled",
                        "not_sent",
                    ]
                ),
                name="delivery_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", due_at__isnull=False, settled_at=None)
                | (
                    ~Q(state="pending")
                    & Q(due_at=None, claim_token=None, settled_at__isnull=False)
                ),
                name="delivery_due_while_pending",
            ),
            models.CheckConstraint(
                condition=Q(state="not_sent") | Q(endpoint__isnull=False),
                name="delivery_endpoint_unless_not_sent",
            ),
        ]
        indexes = [
            # Only waiting rows: these indexes stay as small as the backlog.
            models.Index(
                fields=["endpoint", "lane", "due_at"],
                condition=Q(state="pending"),
                name="delivery_due",
            ),
            models.Index(
                fields=["endpoint", "id"],
                condition=Q(state="pending", lane=3),
                name="delivery_in_order",
            ),
            models.Index(fields=["partner", "-id"], name="delivery_partner"),
            models.Index(fields=["subscription", "-id"], name="delivery_subscription"),
            # What failed is looked for among all that did not, and is written here once.
            models.Index(
                fields=["partner", "-id"],
                condition=Q(state__in=["exhausted", "cancelled", "not_sent"]),
                name="delivery_failed",
            ),
            models.Index(
                fields=["-id"],
                condition=Q(state__in=["exhausted", "cancelled", "not_sent"]),
                name="delivery_failed_of_all",
            ),
            # Only what somebody has sent again by hand and what waits: a few rows.
            models.Index(
                fields=["partner"],
                condition=Q(
                    state="pending", redelivery_of__isnull=False, recovery=None
                ),
                name="delivery_sent_again",
            ),
            models.Index(
                fields=["recovery", "state"],
                condition=Q(recovery__isnull=False),
                name="delivery_recovery",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.id}"

    @property
    def status(self) -> Status:
        """`in_status` selects rows by the same rule."""
        if self.state == self.State.PENDING and self.attempts:
            return self.Status.RETRYING
        return self.Status(self.state)


class Attempt(models.Model):
    """One request that was made for a delivery, and what came back."""

    id = models.UUIDField(primary_key=True, default=time_ordered, editable=False)
    # Its index is that of `attempt_number_unique`.
    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, related_name="attempt_log", db_index=False
    )
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    # Parts of it, for staff: until the name had addresses, and until a new connection was
    # there. None: an address in the URL; a connection that was open. Plain integers: to add
    # a column with a CHECK, PostgreSQL reads the whole table under its heaviest lock.
    lookup_ms = models.IntegerField(null=True, blank=True)
    connect_ms = models.IntegerField(null=True, blank=True)
    outcome = models.CharField(max_length=20)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    request_headers = models.JSONField(default=dict)
    # Only of the first that was rendered: those after it send the same bytes.
    request_body = models.BinaryField(null=True)
    response_headers = models.JSONField(default=list)
    # At most 16 KiB of what the receiver answered. Hostile wherever it is shown.
    response_body = models.BinaryField(default=bytes)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["delivery", "number"], name="attempt_number_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"


class EndpointHour(models.Model):
    """The statistics of an endpoint in one hour. Every chart reads these, never the attempts."""

    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.CASCADE, related_name="hours"
    )
    partner = models.ForeignKey(Partner, on_delete=models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    # Attempts by how they ended, and by how long they took, in milliseconds.
    delivered = models.PositiveIntegerField(default=0, db_default=0)
    failed = models.PositiveIntegerField(default=0, db_default=0)
    ms_10 = models.PositiveIntegerField(default=0, db_default=0)
    ms_25 = models.PositiveIntegerField(default=0, db_default=0)
    ms_50 = models.PositiveIntegerField(default=0, db_default=0)
    ms_100 = models.PositiveIntegerField(default=0, db_default=0)
    ms_250 = models.PositiveIntegerField(default=0, db_default=0)
    ms_500 = models.PositiveIntegerField(default=0, db_default=0)
    ms_1000 = models.PositiveIntegerField(default=0, db_default=0)
    ms_2500 = models.PositiveIntegerField(default=0, db_default=0)
    ms_5000 = models.PositiveIntegerField(default=0, db_default=0)
    ms_10000 = models.PositiveIntegerField(default=0, db_default=0)
    ms_more = models.PositiveIntegerField(default=0, db_default=0)

    LATENCY_BOUNDS_MS = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
    LATENCY_FIELDS = (*(f"ms_{bound}" for bound in LATENCY_BOUNDS_MS), "ms_more")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "hour"], name="endpoint_hour_once"
            ),
        ]
        indexes = [models.Index(fields=["hour"], name="endpoint_hour_hour")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h of {self.endpoint_id}"
