"""Exploring: staff choose a partner, and call the APIs as that partner from the browser.

A page lists the paths of the browsable API. A path that names an object names one of the
partner's own, so that the link opens.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode

from webhooks.console import exploring
from webhooks.models import ApiKey, Delivery, Partner, Subscription
from webhooks.rest import interfaces

from .pages import Page
from .partners.views import PartnerPage

_PORTAL = "portal"

_NAMED = re.compile(r"([^/]+)/<\w+>")
"""An object in a path, after the word for what it is: `deliveries/<id>`."""


class Explore(PartnerPage):
    permission = exploring.PERMISSION
    template = "staff/exploring/explore.html"

    @property
    def title(self) -> str:
        return f"Explore as {self.partner}"

    def context(self) -> dict[str, Any]:
        is_explored = exploring.explored_partner(self.request) == self.partner
        return {
            "partner": self.partner,
            "is_explored": is_explored,
            "groups": _groups(self.partner) if is_explored else (),
            "back": self.above()[-1].address,
        }

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        if self.partner.is_active:
            exploring.begin(request, self.partner)
        return redirect("staff:explore", id)


class Leave(Page):
    """Ends it, and goes back to the partner that was explored."""

    permission = exploring.PERMISSION

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """After a login: the session had ended, and with it the exploring."""
        return redirect("staff:partners")

    def post(self, request: HttpRequest) -> HttpResponse:
        partner = exploring.leave(request)
        if partner is None:
            return redirect("staff:partners")
        text = f"You no longer call the APIs as {partner}. What you changed stays."
        messages.success(request, text)
        return redirect("staff:partner", partner.id)


@dataclass(frozen=True)
class ExampleCall:
    """A path, and where it opens."""

    path: str
    methods: Sequence[str]
    address: str
    """Empty where the partner has nothing yet that the path could name."""
    lacks: str = ""


@dataclass(frozen=True)
class Group:
    """The paths of one interface."""

    title: str
    calls: Sequence[ExampleCall]


def _groups(partner: Partner) -> list[Group]:
    """Every documented path of every interface, so also those of a dialect that was added."""
    latest = cache(partial(_latest, partner))
    return [
        Group(
            interface.title,
            [
                _call(interface.slug, pattern, latest)
                for pattern in interface.documented
                if pattern.callback.cls.has_forms  # type: ignore[attr-defined]
            ],
        )
        for interface in sorted(interfaces.all(), key=lambda each: each.slug)
    ]


def _call(slug: str, pattern: Any, latest: Callable[..., Any]) -> ExampleCall:
    text = re.sub(r"<\w+:", "<", f"/{pattern.pattern}")
    methods = [name.upper() for name in pattern.callback.actions if name != "head"]
    named = _NAMED.search(text)
    if named is None:
        return ExampleCall(text, methods, address=text)
    # Vendors call a subscription by many names, but the rest by the same.
    word = "keys" if named[1].casefold().endswith("keys") else named[1]
    thing = _THINGS.get(word, "subscription")
    # The portal API also serves what belongs to other dialects' subscriptions
    # (`?dialect=`), but a subscription itself only through its own.
    is_of_any = thing != "subscription" or (slug == _PORTAL and not text.endswith(">"))
    row = latest(thing, None if is_of_any else slug)
    if row is None:
        return ExampleCall(text, methods, address="", lacks=thing)
    id, query = str(row.id), ""
    if isinstance(row, Subscription):
        id = row.public_id
        query = f"?{urlencode({'dialect': row.dialect})}" if is_of_any else ""
    path = re.sub(r"<\w+>", lambda _: quote(id, safe=""), text, count=1)
    return ExampleCall(path, methods, address=path + query)


_THINGS = {"keys": "key", "deliveries": "delivery", "recoveries": "recovery"}


def _latest(partner: Partner, thing: str, dialect: str | None) -> Any:
    """The partner's latest row; a subscription of `dialect`, or without one of any."""
    match thing:
        case "key":
            keys = ApiKey.objects.of(partner).filter(revoked_at=None)
            return keys.order_by("-created_at").first()
        case "delivery":
            return Delivery.objects.filter(partner=partner).order_by("-id").first()
        case "recovery":
            return partner.recoveries.order_by("-id").first()
    rows = Subscription.objects.live().filter(partner=partner)
    if dialect is not None:
        rows = rows.filter(dialect=dialect)
    return rows.order_by("-created_at").first()
