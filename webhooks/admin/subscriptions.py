"""Subscriptions: raw rows and search. What is done with one is done in the console."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter
from unfold.decorators import action, display

from webhooks.delivery import wire
from webhooks.models import Endpoint, SigningSecret, Subscription

from .rows import ReadOnlyRows, ReadOnlyTable

STATES = {"on": "success", "off": "info", "disabled": "danger", "deleted": "warning"}


class StateFilter(DropdownFilter):
    title = "state"
    parameter_name = "state"
    all_option = ["", "On, off or disabled"]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("on", "On"),
            ("off", "Off"),
            ("disabled", "Disabled"),
            ("deleted", "Deleted"),
        ]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Subscription]
    ) -> QuerySet[Subscription]:
        live = queryset.filter(deleted_at=None)
        match self.value():
            case "on":
                return live.filter(is_active=True, disabled_at=None)
            case "off":
                return live.filter(is_active=False)
            case "disabled":
                return live.exclude(disabled_at=None)
            case "deleted":
                return queryset.exclude(deleted_at=None)
            case _:
                return live


class ProfileFilter(DropdownFilter):
    title = "wire profile"
    parameter_name = "profile"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(wire.profiles())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(profile=self.value()) if self.value() else queryset


class Endpoints(ReadOnlyTable):
    model = Endpoint
    fields = ("page", "consecutive_failures", "failing_since", "removed_at")
    readonly_fields = fields
    ordering = ("-removed_at", "position")
    per_page = 20


class Secrets(ReadOnlyTable):
    model = SigningSecret
    fields = ("page", "created_at", "expires_at")
    readonly_fields = fields


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyRows):
    list_display = ("label", "partner", "dialect", "url_list", "state", "updated_at")
    list_select_related = ("partner",)
    list_filter = (StateFilter, ProfileFilter, ("partner", AutocompleteSelectFilter))
    list_filter_submit = True
    search_fields = ("partner__name", "name", "public_id", "endpoints__url")
    searched_ids = ("id", "partner", "api_key")
    ordering = ("-updated_at",)
    inlines = (Endpoints, Secrets)
    actions_detail = ("open_in_console",)
    fieldsets = (
        (None, {"fields": ("state", "name", "events", "is_active")}),
        (
            "Where it stands",
            {
                "fields": (
                    "partner",
                    "dialect",
                    "profile",
                    "public_id",
                    "api_key",
                    "shop_id",
                    "disabled_at",
                    "disabled_reason",
                    "created_at",
                    "updated_at",
                    "extras",
                    "id",
                )
            },
        ),
    )
    readonly_fields = (*fieldsets[0][1]["fields"], *fieldsets[1][1]["fields"])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        found: QuerySet[Subscription] = super().get_queryset(request)
        return found.prefetch_related(
            Prefetch("endpoints", Endpoint.objects.live(), to_attr="live_endpoints")
        )

    @display(description="Subscription")
    def label(self, subscription: Subscription) -> str:
        return str(subscription)

    @display(description="URLs")
    def url_list(self, subscription: Subscription) -> str:
        live: list[Endpoint] = subscription.live_endpoints  # type: ignore[attr-defined]
        if not live:
            return "none"
        more = f" and {len(live) - 1} more" if len(live) > 1 else ""
        return f"{live[0].url[:80]}{more}"

    @display(description="State", label=STATES)
    def state(self, subscription: Subscription) -> str:
        if subscription.deleted_at is not None:
            return "deleted"
        if subscription.disabled_at is not None:
            return "disabled"
        return "on" if subscription.is_active else "off"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("webhooks.add_subscription")

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Leads to the page of the console that makes one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        query = request.GET.urlencode()
        address = reverse("staff:new-subscription")
        return redirect(f"{address}?{query}" if query else address)

    @action(
        description="Open in the console",
        url_path="console",
        icon="open_in_new",
        permissions=["view"],
    )
    def open_in_console(self, request: HttpRequest, object_id: str) -> HttpResponse:
        subscription = self.get_object(request, unquote(object_id))
        if subscription is None:
            return redirect(self.list_address)
        return redirect("staff:subscription", subscription.pk)
