"""API keys: raw rows and search. What is done with a key is done in the console."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import action, display

from webhooks.models import ApiKey

from .rows import ReadOnlyRows


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyRows):
    list_display = (
        "label",
        "partner",
        "kind",
        "last_used_at",
        "expires_at",
        "revoked_at",
        "created_at",
    )
    list_select_related = ("partner",)
    list_filter = ("kind", ("partner", AutocompleteSelectFilter))
    list_filter_submit = True
    search_fields = ("prefix", "name", "partner__name")
    searched_ids = ("id", "partner")
    ordering = ("-created_at",)
    withheld = frozenset({"digest", "pepper"})
    fields = (
        "name",
        "kind",
        "partner",
        "prefix",
        "scopes",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
        "id",
    )
    readonly_fields = fields
    actions_detail = ("open_in_console",)

    @display(description="Key", ordering="name")
    def label(self, key: ApiKey) -> str:
        return f"{key.name} ({key.prefix})" if key.name else key.prefix

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("webhooks.issue_key")

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Leads to the page of the console that issues one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        query = request.GET.urlencode()
        return redirect(reverse("staff:issue-key") + (f"?{query}" if query else ""))

    @action(
        description="Open in the console",
        url_path="console",
        icon="open_in_new",
        permissions=["view"],
    )
    def open_in_console(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self.get_object(request, unquote(object_id))
        if key is None:
            return redirect(self.list_address)
        return redirect("staff:key", key.pk)
