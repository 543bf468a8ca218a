"""Partners: raw rows and search. What is done with a partner is done in the console."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import action, display

from webhooks.models import ApiKey, Partner, Subscription

from .rows import ReadOnlyRows, ReadOnlyTable


class Subscriptions(ReadOnlyTable):
    model = Subscription
    fields = ("page", "dialect", "public_id", "is_active", "created_at")
    readonly_fields = fields
    per_page = 20

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        live: QuerySet[Subscription] = super().get_queryset(request)
        return live.filter(deleted_at=None).order_by("-created_at")


class Keys(ReadOnlyTable):
    model = ApiKey
    fields = (
        "page",
        "prefix",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    readonly_fields = fields
    verbose_name_plural = "API keys"
    ordering = ("-created_at",)
    per_page = 20


@admin.register(Partner)
class PartnerAdmin(ReadOnlyRows):
    list_display = (
        "name",
        "contact_email",
        "active",
        "subscription_count",
        "created_at",
    )
    list_filter = ("is_active",)
    search_fields = ("name", "contact_email")
    ordering = ("name",)
    fields = ("name", "contact_email", "is_active", "id", "created_at")
    readonly_fields = fields
    inlines = (Subscriptions, Keys)
    actions_detail = ("open_in_console",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Partner]:
        live = (
            Subscription.objects.live()
            .filter(partner=OuterRef("pk"))
            .order_by()
            .values("partner")
            .annotate(n=Count("pk"))
        )
        found: QuerySet[Partner] = super().get_queryset(request)
        return found.annotate(
            live_subscriptions=Coalesce(Subquery(live.values("n")), 0)
        )

    @display(description="Active", boolean=True, ordering="is_active")
    def active(self, partner: Partner) -> bool:
        return partner.is_active

    @display(description="Subscriptions", ordering="live_subscriptions")
    def subscription_count(self, partner: Partner) -> int:
        return partner.live_subscriptions  # type: ignore[attr-defined, no-any-return]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("webhooks.add_partner")

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Leads to the page of the console that creates one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return redirect("staff:new-partner")

    @action(
        description="Open in the console",
        url_path="console",
        icon="open_in_new",
        permissions=["view"],
    )
    def open_in_console(self, request: HttpRequest, object_id: str) -> HttpResponse:
        partner = self.get_object(request, unquote(object_id))
        if partner is None:
            return redirect(self.list_address)
        return redirect("staff:partner", partner.pk)
