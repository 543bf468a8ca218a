"""The console's sidebar: the models by what staff come for, not by table name."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from .login import pending_step

# The staff pages: (title, icon, address, permission)
PAGES = [
    ("Dashboard", "dashboard", "staff:home", "webhooks.view_delivery"),
    ("Partners", "domain", "staff:partners", "webhooks.view_partner"),
    ("Subscriptions", "rss_feed", "staff:subscriptions", "webhooks.view_subscription"),
    ("API keys", "key", "staff:keys", "webhooks.view_apikey"),
    ("Deliveries", "outbox", "staff:deliveries", "webhooks.view_delivery"),
    ("Recoveries", "restore", "staff:recoveries", "webhooks.view_recovery"),
    ("Events", "bolt", "staff:events", "webhooks.view_event"),
    ("Event types", "category", "staff:event-types", "webhooks.view_eventtype"),
    ("Audit log", "history", "staff:audit", "webhooks.view_auditentry"),
]

# Raw rows. Family -> (title, icon, model's label)
_FAMILIES: dict[str, list[tuple[str, str, str]]] = {
    "Partner data": [
        ("Partners", "domain", "webhooks.partner"),
        ("API keys", "key", "webhooks.apikey"),
        ("Subscriptions", "rss_feed", "webhooks.subscription"),
        ("Endpoints", "link", "webhooks.endpoint"),
        ("Signing secrets", "lock", "webhooks.signingsecret"),
    ],
    "Traffic data": [
        ("Deliveries", "outbox", "webhooks.delivery"),
        ("Attempts", "replay", "webhooks.attempt"),
        ("Events", "bolt", "webhooks.event"),
        ("Event types", "category", "webhooks.eventtype"),
        ("Recoveries", "restore", "webhooks.recovery"),
        ("Endpoint hours", "monitoring", "webhooks.endpointhour"),
    ],
    "Oversight": [
        ("Audit log", "history", "webhooks.auditentry"),
        ("Notices", "mail", "webhooks.notice"),
        ("Workers", "engineering", "webhooks.worker"),
        ("Staff", "person", "auth.user"),
        ("Groups", "group", "auth.group"),
    ],
}


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """What this member of staff may see; a family without anything is left out."""
    if pending_step(request) is not None:
        return []  # none of it opens yet
    pages = [
        {"title": title, "icon": icon, "link": reverse(name), **_active(request, name)}
        for title, icon, name, permission in PAGES
        if request.user.has_perm(permission)
    ]
    shown: list[dict[str, Any]] = []
    if pages:
        shown.append({"title": "Console", "items": pages})
    for family, entries in _FAMILIES.items():
        items = [
            {"title": title, "icon": icon, "link": _list_address(label)}
            for title, icon, label in entries
            if _may_see(request, label)
        ]
        if items:
            shown.append(
                {
                    "title": family,
                    "separator": True,
                    "collapsible": True,
                    "items": items,
                }
            )
    return shown


def _active(request: HttpRequest, name: str) -> dict[str, bool]:
    """The dashboard's address begins every other one; unfold would take it for them."""
    if name != "staff:home":
        return {}
    return {"active": request.path == reverse(name)}


def _list_address(label: str) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_changelist")


def _may_see(request: HttpRequest, label: str) -> bool:
    app, model = label.split(".")
    user = request.user
    return user.has_perm(f"{app}.view_{model}") or user.has_perm(
        f"{app}.change_{model}"
    )
