"""API keys: issued once, looked at, revoked.

The text of a new key stands on the page that answers the form, and nowhere else: not in a
message, a session, an address or a log. That page may not be kept by the browser, and a
form that is sent twice issues one key.
"""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from webhooks.models import ApiKey, Subscription
from webhooks.operations import keys
from webhooks.rest.caller import staff_actor

from .keyforms import IssueKey
from .rows import ReadOnlyRows

STATES = {
    "usable": "success",
    "expired": "warning",
    "revoked": "danger",
    "partner off": "warning",
}


class StateFilter(DropdownFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("usable", "Usable"), ("expired", "Expired"), ("revoked", "Revoked")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[ApiKey]
    ) -> QuerySet[ApiKey]:
        now = timezone.now()
        match self.value():
            case "usable":
                return queryset & ApiKey.objects.usable_at(now)
            case "expired":
                return queryset.filter(expires_at__lte=now, revoked_at=None)
            case "revoked":
                return queryset.exclude(revoked_at=None)
            case _:
                return queryset


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyRows):
    list_display = (
        "label",
        "partner",
        "kind",
        "state",
        "last_used_at",
        "expires_at",
        "created_at",
    )
    list_select_related = ("partner",)
    list_filter = (StateFilter, "kind", ("partner", AutocompleteSelectFilter))
    list_filter_submit = True
    search_fields = ("prefix", "name", "partner__name")
    searched_ids = ("id", "partner")
    ordering = ("-created_at",)
    autocomplete_fields = ("partner",)
    withheld = frozenset({"digest", "pepper"})
    fields = (
        "name",
        "state",
        "kind",
        "partner",
        "prefix",
        "granted",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
        "id",
    )
    readonly_fields = fields
    actions_detail = ("revoke",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("webhooks.issue_key")

    def has_revoke_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("webhooks.revoke_key")

    @display(description="Key", ordering="name")
    def label(self, key: ApiKey) -> str:
        return f"{key.name} ({key.prefix})" if key.name else key.prefix

    @display(description="State", label=STATES)
    def state(self, key: ApiKey) -> str:
        return _state(key, at=timezone.now())

    @display(description="May")
    def granted(self, key: ApiKey) -> str:
        return ", ".join(key.scopes) or "everything that a key of its kind may do"

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        # A revoked key stays revoked: there is nothing left to offer.
        key = self.get_object(request, unquote(str(object_id)))
        if key is None or key.is_revoked:
            return []
        return super().get_actions_detail(request, object_id)

    # --- Issuing --------------------------------------------------------------------

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return never_cache(self._issue)(request)

    def _issue(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = IssueKey(
            request.POST or None, initial={"partner": request.GET.get("partner")}
        )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media + form.media,
            "title": "Issue an API key",
            "form": form,
            "list_address": self.list_address,
        }
        if request.method == "POST" and form.is_valid():
            try:
                key, text = keys.issue(
                    by=staff_actor(request), now=timezone.now(), **form.wanted()
                )
            except keys.AlreadyIssued:
                messages.warning(
                    request,
                    "This form was sent before, and its key was shown then. No second "
                    "key was issued. If the key was lost, revoke it and issue another.",
                )
                return redirect(self.list_address)
            return TemplateResponse(
                request,
                "admin/webhooks/apikey/issued.html",
                {**context, "title": "Copy the key now", "key": key, "text": text},
            )
        return TemplateResponse(request, "admin/webhooks/apikey/issue.html", context)

    # --- Revoking -------------------------------------------------------------------

    @action(
        description="Revoke",
        url_path="revoke",
        icon="key_off",
        variant=ActionVariant.DANGER,
        permissions=["revoke"],
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self.get_object(request, unquote(object_id))
        if key is None:
            return redirect(self.list_address)
        address = reverse("admin:webhooks_apikey_change", args=[key.pk])
        if request.method == "POST":
            keys.revoke(by=staff_actor(request), key=key, now=timezone.now())
            messages.success(
                request, f"The key {key.prefix} is revoked; it is refused from now on."
            )
            return redirect(address)
        now = timezone.now()
        others = ApiKey.objects.usable_at(now).filter(
            partner=key.partner, kind=key.kind
        )
        return TemplateResponse(
            request,
            "admin/webhooks/apikey/revoke.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": key,
                "title": f"Revoke the key {key.prefix}?",
                "key": key,
                "settings": Subscription.objects.live().filter(api_key=key),
                "other_keys": others.exclude(pk=key.pk).count(),
                "address": address,
            },
        )


def _state(key: ApiKey, *, at: datetime) -> str:
    if key.is_revoked:
        return "revoked"
    if key.is_expired_at(at):
        return "expired"
    if key.partner is not None and not key.partner.is_active:
        return "partner off"
    return "usable"
