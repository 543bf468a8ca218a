"""Endpoints, their hours, and the secrets that sign for them: only looked at."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from webhooks.models import Endpoint, EndpointHour, SigningSecret

from .rows import Log, ReadOnlyRows, link

HEALTH = {
    "healthy": "success",
    "failing": "danger",
    "disabled": "danger",
    "removed": "info",
}


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyRows):
    list_display = (
        "url",
        "partner",
        "subscription",
        "health",
        "consecutive_failures",
        "failing_since",
    )
    list_select_related = ("subscription__partner",)
    list_filter = (("failing_since", admin.EmptyFieldListFilter),)
    search_fields = ("url", "subscription__partner__name")
    searched_ids = ("id", "subscription")
    ordering = ("-failing_since", "-created_at")
    fields = (
        "url",
        "health",
        "subscription",
        "position",
        "consecutive_failures",
        "failing_since",
        "disabled_reason",
        "disabled_at",
        "trips",
        "open_until",
        "paced_until",
        "next_due_at",
        "created_at",
        "removed_at",
        "id",
    )
    readonly_fields = fields

    @display(description="Partner", ordering="subscription__partner__name")
    def partner(self, endpoint: Endpoint) -> str:
        return link(endpoint.subscription.partner)

    @display(description="Health", label=HEALTH)
    def health(self, endpoint: Endpoint) -> str:
        if endpoint.removed_at is not None:
            return "removed"
        if endpoint.disabled_at is not None:
            return "disabled"
        return "failing" if endpoint.failing_since is not None else "healthy"


@admin.register(SigningSecret)
class SigningSecretAdmin(ReadOnlyRows):
    """When secrets were made and how long they sign; never what they are."""

    list_display = (
        "id",
        "partner",
        "subscription",
        "signs",
        "created_at",
        "expires_at",
    )
    list_select_related = ("subscription__partner",)
    search_fields = ("subscription__partner__name", "subscription__public_id")
    searched_ids = ("id", "subscription")
    ordering = ("-created_at",)
    withheld = frozenset({"value"})
    fields = ("id", "subscription", "signs", "created_at", "expires_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest):  # type: ignore[no-untyped-def]
        return super().get_queryset(request).defer("value")

    @display(description="Partner", ordering="subscription__partner__name")
    def partner(self, secret: SigningSecret) -> str:
        return link(secret.subscription.partner)

    @display(description="Signs", boolean=True)
    def signs(self, secret: SigningSecret) -> bool:
        return secret.expires_at is None or secret.expires_at > timezone.now()


@admin.register(EndpointHour)
class EndpointHourAdmin(Log):
    list_display = ("hour", "partner", "endpoint", "delivered", "failed")
    list_select_related = ("partner", "endpoint")
    ordering = ("-hour", "-id")
    search_fields = ("partner__name",)
    searched_ids = ("endpoint", "partner")
    fields = ("hour", "partner", "endpoint", "delivered", "failed", "durations")
    readonly_fields = fields

    @display(description="Attempts by duration")
    def durations(self, row: EndpointHour) -> str:
        bounds = [f"up to {bound} ms" for bound in EndpointHour.LATENCY_BOUNDS_MS]
        names = [*bounds, f"over {EndpointHour.LATENCY_BOUNDS_MS[-1]} ms"]
        return (
            ", ".join(
                f"{name}: {n}"
                for name, field in zip(names, EndpointHour.LATENCY_FIELDS, strict=True)
                if (n := getattr(row, field))
            )
            or "none"
        )
