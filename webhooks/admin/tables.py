"""The admin's list and fields of each model. All of them extend `rows.ReadOnlyRows`."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet, TextChoices
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter
from unfold.decorators import display

from webhooks.console import labels
from webhooks.delivery.heartbeat import SILENT_AFTER
from webhooks.models import (
    ApiKey,
    Attempt,
    AuditEntry,
    Delivery,
    Endpoint,
    EndpointHour,
    Event,
    Notice,
    Partner,
    Recovery,
    SigningSecret,
    Subscription,
    Worker,
)

from .rows import ReadOnlyRows

BY_PARTNER = ("partner", AutocompleteSelectFilter)


class Matched(TextChoices):
    YES = "yes", "Matched"
    NO = "no", "Unmatched"


def column(name: str, choices: type[TextChoices]) -> Callable[[Any], str]:
    """A column that shows the attribute `name`, one of `choices`, as a badge."""

    @display(
        description=name.capitalize(),
        label={choice.label: labels.colour(choice) for choice in choices},
    )
    def badge(row: Any) -> str:
        return choices(getattr(row, name)).label

    badge.__name__ = name
    return badge  # type: ignore[no-any-return] # unfold's decorator names no types


def choice_of(
    name: str,
    choices: type[TextChoices],
    select: Callable[[Any, str], QuerySet[Any]],
) -> type[DropdownFilter]:
    """A filter `?name=` that lists what `select` finds for the choice."""

    class Filter(DropdownFilter):
        title = name
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
            return choices.choices

        def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
            chosen = self.value()
            return select(queryset, chosen) if chosen in choices.values else queryset

    return Filter


@display(description="Alive", boolean=True)
def is_alive(worker: Worker) -> bool:
    return timezone.now() - worker.seen_at <= SILENT_AFTER


@display(description="Signs", boolean=True)
def signs(secret: SigningSecret) -> bool:
    return secret.expires_at is None or secret.expires_at > timezone.now()


def by_match(events: QuerySet[Event], chosen: str) -> QuerySet[Event]:
    return (
        events.filter(matched=0)
        if chosen == Matched.NO
        else events.filter(matched__gt=0)
    )


admin.site.register(
    Partner,
    ReadOnlyRows,
    console_page="staff:partner",
    new_page="staff:new-partner",
    list_display=("name", "contact_email", "is_active", "created_at"),
    list_filter=("is_active",),
    ordering=("name",),
    searched_words=("name", "contact_email"),
    below=(ApiKey, Subscription, Event, Delivery, Recovery),
)
admin.site.register(
    ApiKey,
    ReadOnlyRows,
    console_page="staff:key",
    new_page="staff:issue-key",
    list_display=(
        "prefix", "name", "partner", "kind", "last_used_at", "expires_at", "revoked_at",
    ),
    list_select_related=("partner",),
    list_filter=("kind", BY_PARTNER),
    ordering=("-created_at", "-id"),
    searched_ids=("id", "partner"),
    searched_words=("prefix", "name"),
    withheld=("digest", "pepper"),
)  # fmt: skip
admin.site.register(
    Subscription,
    ReadOnlyRows,
    console_page="staff:subscription",
    new_page="staff:new-subscription",
    list_display=(
        "public_id", "name", "partner", "dialect", column("state", Subscription.State),
        "updated_at",
    ),
    list_select_related=("partner",),
    list_filter=(
        choice_of("state", Subscription.State, lambda rows, state: rows.in_state(state)),
        BY_PARTNER,
    ),
    ordering=("-updated_at", "-id"),
    searched_ids=("id", "partner", "api_key"),
    searched_words=("name", "public_id"),
    prefetched=(Prefetch("endpoints", Endpoint.objects.live(), "live_endpoints"),),
    below=(Endpoint, SigningSecret, Delivery),
)  # fmt: skip
admin.site.register(
    Endpoint,
    ReadOnlyRows,
    list_display=(
        "url", "subscription", column("health", Endpoint.Health), "consecutive_failures",
        "failing_since", "removed_at",
    ),
    list_select_related=("subscription",),
    list_filter=(
        choice_of("health", Endpoint.Health, lambda rows, health: rows.in_health(health)),
    ),
    searched_ids=("id", "subscription"),
    searched_words=("url",),
    below=(EndpointHour,),
)  # fmt: skip
admin.site.register(
    SigningSecret,
    ReadOnlyRows,
    list_display=("id", "subscription", signs, "created_at", "expires_at"),
    list_select_related=("subscription",),
    searched_ids=("id", "subscription"),
    withheld=("value",),
)
admin.site.register(
    Event,
    ReadOnlyRows,
    console_page="staff:event",
    list_display=("created_at", "type", "partner", "matched", "unmatched_reason", "id"),
    list_select_related=("partner",),
    list_filter=(choice_of("matched", Matched, by_match), BY_PARTNER),
    searched_ids=("id", "partner"),
    below=(Delivery,),
)
admin.site.register(
    Delivery,
    ReadOnlyRows,
    console_page="staff:delivery",
    list_display=(
        "created_at", "partner", "event", "url", column("status", Delivery.Status),
        "attempts", "last_outcome", "last_status",
    ),
    list_select_related=("partner", "event"),
    list_filter=(
        choice_of("status", Delivery.Status, lambda rows, status: rows.in_status(status)),
        BY_PARTNER,
    ),
    searched_ids=("id", "event", "subscription", "partner", "recovery"),
    below=(Attempt,),
)  # fmt: skip
admin.site.register(
    Attempt,
    ReadOnlyRows,
    list_display=(
        "started_at", "delivery", "number", "outcome", "status", "duration_ms", "error",
    ),
    list_select_related=("delivery",),
    searched_ids=("id", "delivery"),
)  # fmt: skip
admin.site.register(
    EndpointHour,
    ReadOnlyRows,
    list_display=("hour", "partner", "endpoint", "delivered", "failed"),
    list_select_related=("partner", "endpoint"),
    searched_ids=("endpoint", "partner"),
)
admin.site.register(
    Recovery,
    ReadOnlyRows,
    console_page="staff:recovery",
    list_display=(
        "created_at", "partner", column("state", Recovery.State), "done", "total",
        "actor", "finished_at",
    ),
    list_select_related=("partner",),
    list_filter=(BY_PARTNER,),
    searched_ids=("id", "partner"),
    below=(Delivery,),
)  # fmt: skip
admin.site.register(
    AuditEntry,
    ReadOnlyRows,
    console_page="staff:audit-entry",
    list_display=("at", "actor", "action", "target", "dialect", "ip"),
    searched_ids=("id", "partner_id"),
)
admin.site.register(
    Notice,
    ReadOnlyRows,
    list_display=(
        "created_at", "partner", "kind", "to", column("status", Notice.Status),
        "attempts",
    ),
    list_select_related=("partner",),
    searched_ids=("id", "partner"),
)  # fmt: skip
admin.site.register(
    Worker,
    ReadOnlyRows,
    list_display=("host", "pid", "backend", is_alive, "started_at", "seen_at"),
    ordering=("-seen_at", "id"),
    searched_words=("host",),
)
