"""The admin site that the console is built on: unfold's, with our own login and sidebar."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from webhooks.operations import logins, secondfactor

from . import logs, sessions
from .actor import staff_actor
from .sessions import pending_step, redirect_target

# The console's pages: (title, icon, address, permission)
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


class Site(UnfoldAdminSite):
    index_title = "Console"

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """A user who is logged in already goes to the address in `next`, not to the index."""
        if request.method == "GET" and self.has_permission(request):
            return redirect(redirect_target(request))
        before = request.session.session_key
        page: HttpResponse = super().login(request, extra_context)
        # A form that is refused is shown again, also to somebody who is logged in.
        if page.status_code == 302 and self.has_permission(request):
            if request.session.session_key == before:
                request.session.cycle_key()  # Django keeps it for the same person
            by = staff_actor(request)
            logs.name_caller(f"staff:{by.id}")
            user: Any = request.user
            logins.succeeded(by=by, is_complete=secondfactor.of(user) is None)
        return page

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Also from the list of sessions, and from what the browser keeps.

        Not `"cookies"`: that would log out of every other host of the same domain, too.
        """
        is_logout = request.method == "POST"
        if is_logout:
            if self.has_permission(request):
                logins.ended(by=staff_actor(request), reason="They logged out.")
            sessions.close(request)
        page: HttpResponse = super().logout(request, extra_context)
        if is_logout:  # any other site can have a browser send a GET
            page["Clear-Site-Data"] = '"cache", "storage"'
        return page

    def password_change(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        """The console's page counts wrong guesses of the old password."""
        return redirect("staff:change-password")

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[Any]:
        """Only for the page of one app. Every page calls this for all apps and shows none: the
        sidebar and the index are built by `sections`."""
        if app_label is None:
            return []
        apps: list[Any] = super().get_app_list(request, app_label)
        return apps


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar: what this member of staff may see. Empty families are left out."""
    if pending_step(request) is not None:
        # None of it opens yet. Without a section unfold says that there is no permission.
        return [{"items": []}]
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
    """Every other address begins with the dashboard's, so unfold would mark it on each page."""
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
