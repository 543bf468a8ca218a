"""Subscriptions: what staff may change of them, in any dialect.

The rules are those of the operation, asked before it is called, so that each refusal
stands beside its field.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter
from unfold.decorators import action, display

from webhooks.delivery import wire
from webhooks.models import Endpoint, SigningSecret, Subscription
from webhooks.operations import subscriptions
from webhooks.rest.caller import staff_actor

from .rows import ReadOnlyTable, Rows
from .subscriptionforms import EditSubscription

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
class SubscriptionAdmin(Rows):
    form = EditSubscription
    list_display = ("label", "partner", "dialect", "url_list", "state", "updated_at")
    list_select_related = ("partner",)
    list_filter = (StateFilter, ProfileFilter, ("partner", AutocompleteSelectFilter))
    list_filter_submit = True
    search_fields = ("partner__name", "name", "public_id", "endpoints__url")
    searched_ids = ("id", "partner", "api_key")
    ordering = ("-updated_at",)
    inlines = (Endpoints, Secrets)
    actions_detail = ("enable",)
    overtaken = (subscriptions.Gone,)
    fieldsets = (
        (None, {"fields": ("state", "name", "urls", "events", "is_active")}),
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
    readonly_fields = ("state", *fieldsets[1][1]["fields"])

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

    def get_fieldsets(
        self, request: HttpRequest, obj: Subscription | None = None
    ) -> Any:
        if self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        # Without its form there is no field of the URLs: the table beneath shows them.
        (_, first), *rest = self.fieldsets
        shown = tuple(name for name in first["fields"] if name != "urls")
        return ((None, {"fields": shown}), *rest)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # what a new one needs is each dialect's own rule

    def has_change_permission(
        self, request: HttpRequest, obj: Subscription | None = None
    ) -> bool:
        return _is_live(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(
        self, request: HttpRequest, obj: Subscription | None = None
    ) -> bool:
        return _is_live(obj) and bool(super().has_delete_permission(request, obj))

    def has_enable_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        subscription = self.get_object(request, unquote(str(object_id)))
        if subscription is None or not _disabled(subscription):
            return []
        return super().get_actions_detail(request, object_id)

    @action(
        description="Enable again",
        url_path="enable",
        icon="restart_alt",
        permissions=["enable"],
    )
    def enable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the portal disabled; what its owner switched off has a field."""
        subscription = self.get_object(request, unquote(object_id))
        if subscription is None:
            return redirect(self.list_address)
        address = reverse("admin:webhooks_subscription_change", args=[subscription.pk])
        disabled = _disabled(subscription)
        if not disabled:
            messages.info(request, "Nothing of it is disabled.")
            return redirect(address)
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": subscription,
                "title": f"Enable {subscription} again?",
                "disabled": disabled,
                "address": address,
            }
            template = "admin/webhooks/subscription/enable.html"
            return TemplateResponse(request, template, context)
        try:
            subscriptions.update(
                by=staff_actor(request),
                subscription=subscription,
                now=timezone.now(),
                is_active=True,
            )
        except subscriptions.Gone:
            return self.was_overtaken(request)
        messages.success(request, "It is enabled: its URLs are called again.")
        return redirect(address)

    def save_model(
        self,
        request: HttpRequest,
        obj: Subscription,
        form: EditSubscription,
        change: bool,
    ) -> None:
        subscriptions.update(
            by=staff_actor(request),
            subscription=obj,
            now=timezone.now(),
            **{name: form.cleaned_data[name] for name in form.changed_data},
        )
        if "urls" in form.changed_data:
            messages.info(
                request,
                "The new URLs hold for later events. Deliveries that are already queued "
                "still go to the URL they were queued to.",
            )

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # Nothing is deleted along: the row stays, and its history with it.
        return [], {}, set(), []

    def delete_model(self, request: HttpRequest, obj: Subscription) -> None:
        subscriptions.delete(
            by=staff_actor(request), subscription=obj, now=timezone.now()
        )


def _disabled(subscription: Subscription) -> list[Endpoint]:
    """Its endpoints that the portal calls no more, if it is to be called at all."""
    if subscription.deleted_at is not None or not subscription.is_active:
        return []
    live: list[Endpoint] = subscription.live_endpoints  # type: ignore[attr-defined]
    return [endpoint for endpoint in live if endpoint.disabled_at is not None]


def _is_live(subscription: Any) -> bool:
    # unfold asks with the id alone when it decides which buttons to show.
    return getattr(subscription, "deleted_at", None) is None
