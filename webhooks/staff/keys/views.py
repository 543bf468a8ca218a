"""Keys: the list, and one of them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from webhooks.console import paging
from webhooks.models import ApiKey, AuditEntry, Subscription
from webhooks.staff import links
from webhooks.staff.pages import Crumb, List, Page

from . import keys, ways
from .filters import KeyFilters, without_keys

HISTORY = 20
"""Changes that a key's page shows; it has a handful in its life."""


def found(id: UUID) -> ApiKey:
    """The key with its partner; raises Http404."""
    key = ApiKey.objects.select_related("partner").filter(id=id).first()
    if key is None:
        raise Http404
    return key


def above(key: ApiKey | None = None) -> tuple[Crumb, ...]:
    """The list, and the key itself where a page is about an act on it."""
    crumbs = (Crumb("API keys", reverse("staff:keys")),)
    if key is None:
        return crumbs
    return (*crumbs, Crumb(keys.shown(key), reverse("staff:key", args=[key.id])))


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
                "its beginning was looked for. If it still opens, revoke it.",
            )
            # The address that holds it is left at once, and what is shown has none.
            return redirect(reverse("staff:keys") + shorter)
        return super().get(request)

    def rows(self) -> Any:
        return ApiKey.objects.select_related("partner")

    def more(self, listed: paging.Listed) -> dict[str, Any]:
        now = timezone.now()
        return {"keys": [(key, keys.state(key, at=now)) for key in listed.rows]}


class One(Page):
    permission = "webhooks.view_apikey"
    template = "staff/keys/key.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        key, now = found(id), timezone.now()
        changes = history(key)
        state = keys.state(key, at=now)
        return self.page(
            f"Key {key.name or keys.shown(key)}",
            under=above(),
            key=key,
            state=state,
            is_closed=state in ("revoked", "expired"),
            acts=keys.acts(key),
            shops=key.shops,
            hanging=keys.hanging(key),
            history=changes,
            issued=next((e for e in changes if e.action == "key.issued"), None),
            replaced_by=replaced_by(changes),
            row=links.admin_row(key),
            **where(request, key),
        )


def where(request: HttpRequest, key: ApiKey) -> dict[str, Any]:
    """Where the key is sent: first through the interfaces that its partner uses."""
    base = request.build_absolute_uri("/").rstrip("/")
    used = set(
        Subscription.objects.live()
        .filter(partner=key.partner_id)
        .values_list("dialect", flat=True)
        .distinct()
        if key.partner_id
        else ()
    )
    shown = [(way, way.line(base)) for way in ways.of(key.kind)]
    if not used:
        return {"ways": shown, "other_ways": []}
    return {
        "ways": [each for each in shown if each[0].interface in used],
        "other_ways": [each for each in shown if each[0].interface not in used],
    }


def history(key: ApiKey) -> list[AuditEntry]:
    """What was done to the key, the latest first."""
    rows = AuditEntry.objects.filter(target_type="key", target_id=str(key.id))
    return list(rows.order_by("-at", "-id")[:HISTORY])


def replaced_by(changes: list[AuditEntry]) -> str | None:
    """The id of the key that was issued when this one was last rotated."""
    for entry in changes:
        if entry.action == "key.rotated":
            return str((entry.after or {}).get("replaced_by") or "") or None
    return None
