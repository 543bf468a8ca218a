"""Exploring: staff call the APIs as a partner, from the browser.

A page lists the paths of the browsable API. A path that names an object names one of the
partner's own, so that the link opens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
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
    http_method_names = ["post"]

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


@dataclass(frozen=True)
class _Example:
    id: str
    query: str = ""


def _groups(partner: Partner) -> list[Group]:
    """Every documented path of every interface, so also those of a dialect that was added."""
    examples = _Examples(partner)
    return [
        Group(
            interface.title,
            [
                _call(interface.slug, pattern, examples)
                for pattern in interface.documented
                if pattern.callback.cls.has_forms  # type: ignore[attr-defined]
            ],
        )
        for interface in sorted(interfaces.all(), key=lambda each: each.slug)
    ]


def _call(slug: str, pattern: Any, examples: "_Examples") -> ExampleCall:
    text = re.sub(r"<\w+:", "<", f"/{pattern.pattern}")
    methods = [name.upper() for name in pattern.callback.actions if name != "head"]
    named = _NAMED.search(text)
    if named is None:
        return ExampleCall(text, methods, address=text)
    thing = _thing(named[1])
    # The portal API also serves what belongs to other dialects' subscriptions
    # (`?dialect=`), but a subscription itself only through its own.
    is_below = not text.endswith(">")
    example = examples.of(thing, None if slug == _PORTAL and is_below else slug)
    if example is None:
        return ExampleCall(text, methods, address="", lacks=thing)
    path = re.sub(r"<\w+>", lambda _: quote(example.id, safe=""), text, count=1)
    return ExampleCall(path, methods, address=path + example.query)


def _thing(word: str) -> str:
    """Vendors call a subscription by many names, but the rest by the same."""
    word = word.casefold()
    if word.endswith("keys"):
        return "key"
    return {"deliveries": "delivery", "recoveries": "recovery"}.get(
        word, "subscription"
    )


class _Examples:
    """The partner's latest row of each kind; each is read once."""

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._found: dict[tuple[str, str | None], _Example | None] = {}

    def of(self, thing: str, dialect: str | None) -> _Example | None:
        """Without a dialect, a subscription of any dialect, which the query names."""
        key = (thing, dialect if thing == "subscription" else None)
        if key not in self._found:
            self._found[key] = self._read(*key)
        return self._found[key]

    def _read(self, thing: str, dialect: str | None) -> _Example | None:
        partner = self._partner
        match thing:
            case "key":
                keys = ApiKey.objects.of(partner).filter(revoked_at=None)
                return _first(keys.order_by("-created_at"))
            case "delivery":
                return _first(Delivery.objects.filter(partner=partner).order_by("-id"))
            case "recovery":
                return _first(partner.recoveries.order_by("-id"))
        rows = Subscription.objects.live().filter(partner=partner)
        if dialect is not None:
            rows = rows.filter(dialect=dialect)
        row = rows.order_by("-created_at").first()
        if row is None:
            return None
        query = "" if dialect else "?" + urlencode({"dialect": row.dialect})
        return _Example(row.public_id, query)


def _first(rows: Any) -> _Example | None:
    id = rows.values_list("id", flat=True).first()
    return id and _Example(str(id))
