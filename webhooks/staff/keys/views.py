"""API keys: the list, and one of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from webhooks.console import labels, paging
from webhooks.models import ApiKey, AuditEntry, Subscription
from webhooks.staff.pages import Crumb, List, Page, admin_row, crumb

from . import usage
from .forms import KeyFilters, without_keys

HISTORY = 20
"""Changes that a key's page shows; it has a handful in its life."""


class Keys(List):
    permission = "webhooks.view_apikey"
    title = "API keys"
    template = "staff/keys/list.html"
    filters = KeyFilters
    keyset = paging.Keyset("created_at", "id")

    def get(self, request: HttpRequest) -> HttpResponse:
        if (shorter := without_keys(request.GET)) is not None:
            messages.warning(
                request,
                "A whole key was typed here and is now in your browser's history. Only "
                "its beginning was looked for. If it still works, revoke it.",
            )
            # The address that holds it is left at once.
            return redirect(reverse("staff:keys") + shorter)
        return super().get(request)

    def rows(self) -> Any:
        return ApiKey.objects.select_related("partner")


def found(id: UUID) -> ApiKey:
    return get_object_or_404(ApiKey.objects.select_related("partner"), id=id)


def above(key: ApiKey | None = None) -> Sequence[Crumb]:
    """The list, and the key itself where a page is about an act on it."""
    crumbs = [crumb("API keys", "keys")]
    if key is not None:
        crumbs.append(crumb(labels.key(key), "key", key.id))
    return crumbs


def dependents(key: ApiKey) -> Any:
    """The settings that a dialect keeps under this key's id."""
    rows = Subscription.objects.live().filter(api_key=key)
    return rows.order_by("dialect", "id")


def history(key: ApiKey) -> list[AuditEntry]:
    """What was done to the key, the latest first."""
    rows = AuditEntry.objects.filter(target_type="key", target_id=str(key.id))
    return list(rows.order_by("-at", "-id")[:HISTORY])


def replaced_by(changes: Sequence[AuditEntry]) -> str | None:
    """The id of the key that was issued when this one was last rotated."""
    for entry in changes:
        if entry.action == "key.rotated":
            return str((entry.after or {}).get("replaced_by") or "") or None
    return None


class One(Page):
    permission = "webhooks.view_apikey"
    template = "staff/keys/key.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        key = found(id)
        changes = history(key)
        return self.page(
            f"Key {key.name or labels.key(key)}",
            under=above(),
            key=key,
            is_closed=key.state in (ApiKey.State.REVOKED, ApiKey.State.EXPIRED),
            scopes=labels.scopes(key),
            shops=key.shops,
            dependents=dependents(key),
            history=changes,
            issued=next((e for e in changes if e.action == "key.issued"), None),
            replaced_by=replaced_by(changes),
            row=admin_row(key),
            **usage.context(request, key),
        )
