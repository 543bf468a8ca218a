"""Partners: found, created, changed, switched off; explored from here."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display

from webhooks.models import ApiKey, Partner, Subscription
from webhooks.operations import partners
from webhooks.rest import explorer
from webhooks.rest.caller import staff_actor

from . import exploring
from .rows import ReadOnlyTable, Rows


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
class PartnerAdmin(Rows):
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
    readonly_fields = ("id", "created_at")
    inlines = (Subscriptions, Keys)
    actions_detail = ("explore", "issue_key")
    overtaken = (partners.NameTaken,)

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

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "is_active":
            field.help_text = "While off, its keys are refused and new events are not delivered to it."
        if field is not None and db_field.name == "contact_email":
            field.help_text = "Told when one of its endpoints is switched off."
        return field

    def get_fields(self, request: HttpRequest, obj: Partner | None = None) -> Any:
        return self.fields if obj else ("name", "contact_email")

    def get_inlines(self, request: HttpRequest, obj: Partner | None = None) -> Any:
        return self.inlines if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # its history must keep its name; it is switched off instead

    # Asked by name: unfold looks a dotted permission up in the database at every start.
    def has_explore_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(explorer.PERMISSION)

    def has_issue_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("webhooks.issue_key")

    def save_model(
        self,
        request: HttpRequest,
        obj: Partner,
        form: "ModelForm[Partner]",
        change: bool,
    ) -> None:
        by, now = staff_actor(request), timezone.now()
        if change:
            partners.update(
                by=by,
                partner=Partner.objects.get(pk=obj.pk),
                now=now,
                **{name: form.cleaned_data[name] for name in form.changed_data},
            )
        else:
            obj.pk = partners.create(by=by, now=now, **form.cleaned_data).pk

    @action(
        description="Explore as this partner",
        url_path="explore",
        icon="travel_explore",
        permissions=["explore"],
    )
    def explore(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return exploring.page(request, self, object_id)

    @action(
        description="Issue a key",
        url_path="issue-key",
        icon="key",
        permissions=["issue"],
    )
    def issue_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(f"{reverse('admin:webhooks_apikey_add')}?partner={object_id}")

    def get_custom_urls(self) -> tuple[tuple[str, str, Any], ...]:
        return (("leave-exploring/", "leave_exploring", exploring.leave),)
