"""Key usage: for each interface the header that carries the key, and a request to try it with.

It is read from the documented paths of every interface and from the authentication of their
views, so a new dialect needs nothing here.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest

from webhooks.models import ApiKey, Subscription
from webhooks.rest import interfaces
from webhooks.rest.caller import KeyAuthentication

PLACEHOLDER = "YOUR_KEY"
"""Shown in the place of the key: what is copied from a page is never a key itself."""


@dataclass(frozen=True)
class Usage:
    """A request that an interface takes the key in."""

    slug: str
    header: str
    method: str
    path: str
    media_type: str

    @property
    def preference(self) -> tuple[bool, bool]:
        """For sorting: paths without an id come first, then those that only read."""
        return "<" in self.path, self.method != "GET"

    def curl(self, base: str) -> str:
        """The request for a POSIX shell; a change takes its body from a file."""
        words = ["curl", "--request", self.method, base + self.path]
        words += ["--header", self.header]
        if self.method != "GET":
            words += ["--header", f"Content-Type: {self.media_type}"]
            words += ["--data", "@body"]
        return shlex.join(words)


def context(request: HttpRequest, key: ApiKey) -> dict[str, Any]:
    """The context of `staff/keys/usage.html`: first the interfaces that its partner uses."""
    base = request.build_absolute_uri("/").rstrip("/")
    rows = Subscription.objects.live().filter(partner=key.partner_id)
    slugs = rows.values_list("dialect", flat=True).distinct()
    used = set(slugs) if key.partner_id else set()
    usages = [(usage, usage.curl(base)) for usage in of(key.kind)]
    if not used:
        return {"usages": usages, "other_usages": []}
    return {
        "usages": [each for each in usages if each[0].slug in used],
        "other_usages": [each for each in usages if each[0].slug not in used],
    }


@cache
def of(kind: str) -> tuple[Usage, ...]:
    """One for each interface that takes keys of this kind."""
    found = []
    for interface in sorted(interfaces.all(), key=lambda each: each.slug):
        usages = list(_usages(interface, kind))
        if usages:
            found.append(min(usages, key=lambda each: each.preference))
    return tuple(found)


def _usages(interface: interfaces.Interface, kind: str) -> Iterator[Usage]:
    for pattern in interface.documented:
        callback: Any = pattern.callback
        header = _header(callback.cls, kind)
        if header:
            path = re.sub(r"<\w+:", "<", f"/{pattern.pattern}")
            actions = list(callback.actions)
            method = "GET" if "get" in actions else actions[0].upper()
            media_type = callback.cls.parser_classes[0].media_type
            yield Usage(interface.slug, header, method, path, media_type)


def _header(view: Any, kind: str) -> str:
    """The header with the key; empty when the view takes no key of this kind."""
    for each in view.authentication_classes:
        if issubclass(each, KeyAuthentication) and each.kind == kind:
            return ": ".join(each.header(PLACEHOLDER))
    return ""
