"""The address of every page, from the resolver: a page that is added is looked at."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.admin import traffic
from webhooks.models import (
    ApiKey,
    Attempt,
    AuditEntry,
    Delivery,
    Event,
    EventType,
    Partner,
    Recovery,
    SigningSecret,
    StaffSession,
    Subscription,
)
from webhooks.operations import sessions

# The first part of a staff page's path -> whose row the rest of it names.
ROWS: dict[str, type[Model]] = {
    "partners": Partner,
    "subscriptions": Subscription,
    "secrets": SigningSecret,
    "keys": ApiKey,
    "deliveries": Delivery,
    "attempts": Attempt,
    "recoveries": Recovery,
    "events": Event,
    "event-types": EventType,
    "audit": AuditEntry,
    "users": User,
    "account": StaffSession,
    "people": StaffSession,
}
# Beside the console: for everybody, and without a row.
PUBLIC = ["/", "/docs/", "/admin/login/?next=/staff/"]


def rows() -> dict[type[Model], Any]:
    """One row of everything that a page may be about."""
    found = traffic.one_of_each()
    Attempt.objects.update(request_body=b"{}")
    person = User.objects.earliest("id")
    return {
        **found,
        StaffSession: sessions.begin(
            user_id=person.pk, user_agent="curl/8", address="192.0.2.1"
        ),
        AuditEntry: AuditEntry.objects.earliest("id"),
        User: person,
        Group: Group.objects.get_or_create(name="Auditors")[0],
    }


def staff(of: dict[type[Model], Any]) -> list[str]:
    """Every address of the staff pages."""
    found = []
    for name, path in _named("staff"):
        first = path.split("/")[0]
        asked = [
            # What a page beneath a row names by more than its `id` is called as it is.
            of[ROWS.get(f"{part}s") or ROWS[first]].pk
            for part in re.findall(r"<\w+:(\w+)>", path)
        ]
        found.append(reverse(f"staff:{name}", args=asked))
    return found


def admin(of: dict[type[Model], Any]) -> list[str]:
    """Every list and form of the admin, and one of each other kind of its pages."""
    by_model = {f"{m._meta.app_label}_{m._meta.model_name}": of[m] for m in of}
    found = [
        reverse("admin:index"),
        reverse("admin:app_list", args=["webhooks"]),
        reverse("admin:auth_group_delete", args=[of[Group].pk]),
        reverse("admin:auth_group_history", args=[of[Group].pk]),
    ]
    for name, _ in _named("admin"):
        model, _, kind = name.rpartition("_")
        if kind in {"changelist", "add"}:
            found.append(reverse(f"admin:{name}"))
        elif kind == "change" and model in by_model:
            found.append(reverse(f"admin:{name}", args=[by_model[model].pk]))
    return found


def shown(client: Client, addresses: list[str]) -> list[str]:
    """Those that are a page for `client`: no download, no part of a page, no redirect."""
    return [address for address in addresses if _is_page(client, address)]


def _is_page(client: Client, address: str) -> bool:
    answer = client.get(address)
    assert answer.status_code < 500, address
    return (
        answer.status_code == 200
        and answer["Content-Type"].startswith("text/html")
        and b"<html" in answer.content[:2000]
    )


def _named(space: str) -> Iterator[tuple[str, str]]:
    _, resolver = get_resolver().namespace_dict[space]
    return _walk(resolver.url_patterns)


def _walk(patterns: list[Any], above: str = "") -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        path = above + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name, path
