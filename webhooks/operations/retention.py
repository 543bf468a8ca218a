"""Retention: how long events, deliveries and statistics are kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from webhooks.models import Delivery, EndpointHour, Event, Notice, ids

_FAILED = (
    Delivery.State.EXHAUSTED,
    Delivery.State.CANCELLED,
    Delivery.State.NOT_SENT,
)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The time for which each outcome is kept; None is for ever."""

    delivered: timedelta | None
    failed: timedelta | None
    """Failed deliveries, and unmatched events."""
    statistics: timedelta | None


def rules() -> Rules:
    """As the settings say."""
    return Rules(
        delivered=_days("WEBHOOKS_RETENTION_DELIVERED_DAYS"),
        failed=_days("WEBHOOKS_RETENTION_FAILED_DAYS"),
        statistics=_days("WEBHOOKS_RETENTION_STATISTICS_DAYS"),
    )


def _days(setting: str) -> timedelta | None:
    days = getattr(settings, setting)  # 0 keeps for ever
    return timedelta(days=days) if days else None


@dataclass(frozen=True, kw_only=True)
class Retention:
    """The rows that the rules keep no longer at one moment, the oldest first."""

    rules: Rules
    now: datetime

    def old(self) -> QuerySet[Event]:
        """Every event that may be over by its age: a range of the primary key."""
        ages = [age for age in (self.rules.delivered, self.rules.failed) if age]
        if not ages:
            return Event.objects.none()
        youngest = ids.after(self.now - min(ages))
        return Event.objects.filter(id__lt=youngest).order_by("id")

    def over(self) -> QuerySet[Event]:
        """Events with nothing left to keep them for.

        An event goes with all of its deliveries, when each of them has been over for as
        long as its outcome is kept: with some of them gone it would look as if their
        subscriptions had never been sent it, and a recovery would send it once more. Nor
        may it go before all of them are written.
        """
        kept = Delivery.objects.filter(event_id=OuterRef("id")).exclude(self.ended())
        concerned_nobody = Q(matched=0)
        if self.rules.failed is not None:
            concerned_nobody &= Q(created_at__gte=self.now - self.rules.failed)
        finished = Event.objects.filter(pending_fanout=None)
        return finished.filter(~Exists(kept)).exclude(concerned_nobody)

    def ended(self) -> Q:
        """Deliveries that are over; never one that is pending."""
        delivered, failed = self.rules.delivered, self.rules.failed
        found = Q(pk__in=[])
        if delivered is not None:
            found |= Q(
                state=Delivery.State.DELIVERED, settled_at__lt=self.now - delivered
            )
        if failed is not None:
            found |= Q(state__in=_FAILED, settled_at__lt=self.now - failed)
        return found

    def hours(self) -> QuerySet[EndpointHour]:
        age = self.rules.statistics
        if age is None:
            return EndpointHour.objects.none()
        return EndpointHour.objects.filter(hour__lt=self.now - age).order_by("hour")

    def notices(self) -> QuerySet[Notice]:
        """Mails that were sent or failed; they are about failures and are kept as long."""
        age = self.rules.failed
        if age is None:
            return Notice.objects.none()
        return Notice.objects.filter(
            id__lt=ids.before(self.now - age), due_at=None
        ).order_by("id")
