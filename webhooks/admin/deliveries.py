"""Deliveries and their attempts: only looked at.

A receiver's answer is hostile text: `untrusted_text` makes it fit to be read.
"""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
)
from unfold.decorators import display

from webhooks.console import untrusted_text
from webhooks.models import Attempt, Delivery

from .rows import Log, ReadOnlyStack, block, link
from .subscriptions import ProfileFilter

STATES = {
    "Pending": "info",
    "Delivered": "success",
    "Exhausted": "danger",
    "Cancelled": "warning",
    "Not Sent": "warning",
}


class Answers:
    """How the columns of an attempt are shown, in a row of its own or under its delivery."""

    @display(description="Request headers")
    def sent_headers(self, attempt: Attempt) -> SafeString:
        return block(untrusted_text.of_headers(attempt.request_headers) or "(none)")

    @display(description="Request body")
    def sent_body(self, attempt: Attempt) -> SafeString:
        if attempt.request_body is None:
            return block("(the bytes of the first attempt)")
        return _body(attempt.request_body)

    @display(description="Response headers")
    def received_headers(self, attempt: Attempt) -> SafeString:
        return block(untrusted_text.of_headers(attempt.response_headers) or "(none)")

    @display(description="Response body")
    def received_body(self, attempt: Attempt) -> SafeString:
        return _body(attempt.response_body)

    @display(description="Outcome")
    def ended(self, attempt: Attempt) -> str:
        status = f"HTTP {attempt.status}, " if attempt.status else ""
        return f"{status}{attempt.outcome} after {attempt.duration_ms} ms"

    @display(description="Took")
    def took(self, attempt: Attempt) -> str:
        return f"{attempt.duration_ms} ms"


class Attempts(Answers, ReadOnlyStack):
    model = Attempt
    fields = (
        "started_at",
        "ended",
        "error",
        "sent_headers",
        "sent_body",
        "received_headers",
        "received_body",
    )
    readonly_fields = fields
    ordering = ("-number",)
    per_page = 20
    verbose_name_plural = "attempts, the latest first"


@admin.register(Delivery)
class DeliveryAdmin(Log):
    list_display = (
        "created_at",
        "partner",
        "event_type",
        "destination",
        "stands",
        "attempts",
        "answer",
    )
    list_select_related = ("partner", "event")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("lane", ChoicesDropdownFilter),
        ProfileFilter,
        ("partner", AutocompleteSelectFilter),
    )
    list_filter_submit = True
    search_fields = ("partner__name", "url")
    search_help_text = "A partner, a URL, or the id of a delivery, event, endpoint …"
    searched_ids = ("id", "event", "endpoint", "subscription", "partner")
    fields = (
        "stands",
        "answer",
        "attempts",
        "sent_to",
        "reason",
        "partner",
        "subscription",
        "endpoint",
        "event",
        "profile",
        "queue",
        "redelivery_of",
        "is_rerendered",
        "recovery",
        "created_at",
        "due_at",
        "settled_at",
        "lost_claims",
        "claim_token",
        "is_begun",
        "id",
    )
    readonly_fields = fields
    inlines = (Attempts,)

    @display(description="State", label=STATES)
    def stands(self, delivery: Delivery) -> str:
        return delivery.get_state_display()

    @display(description="Lane")
    def queue(self, delivery: Delivery) -> str:
        return delivery.get_lane_display()

    @display(description="Event type")
    def event_type(self, delivery: Delivery) -> str:
        return delivery.event.type

    @display(description="URL")
    def destination(self, delivery: Delivery) -> str:
        return _cut(delivery.url, 60)

    @display(description="URL")
    def sent_to(self, delivery: Delivery) -> str:
        return untrusted_text.readable(delivery.url)

    @display(description="Last answer")
    def answer(self, delivery: Delivery) -> str:
        status = str(delivery.last_status) if delivery.last_status else ""
        return " ".join(filter(None, (status, delivery.last_outcome))) or "none yet"


@admin.register(Attempt)
class AttemptAdmin(Answers, Log):
    list_display = ("started_at", "of", "number", "outcome", "status", "took", "error")
    search_fields = ()
    searched_ids = ("id", "delivery")
    fields = (
        "delivery",
        "number",
        "started_at",
        "took",
        "outcome",
        "status",
        "error",
        "sent_headers",
        "sent_body",
        "received_headers",
        "received_body",
    )
    readonly_fields = fields
    list_select_related = ("delivery",)

    @display(description="Delivery to")
    def of(self, attempt: Attempt) -> SafeString:
        return link(attempt.delivery, _cut(attempt.delivery.url, 60))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attempt]:
        found: QuerySet[Attempt] = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.kwargs:
            return found
        # Kilobytes a row, which a list does not show.
        return found.defer(
            "request_headers", "request_body", "response_headers", "response_body"
        )


def _body(content: bytes | memoryview) -> SafeString:
    return block(untrusted_text.of_bytes(bytes(content)) or "(empty)")


def _cut(text: str, most: int) -> str:
    shown = untrusted_text.readable(text)
    return shown if len(shown) <= most else f"{shown[:most]}…"
