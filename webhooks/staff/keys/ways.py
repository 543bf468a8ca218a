"""The ways in: where each interface takes a key, as its own OpenAPI document says it.

Read from the addresses and the authentication of the views behind them, so that a new
dialect is here by being mounted.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.extensions import OpenApiAuthenticationExtension

from webhooks.models import ApiKey
from webhooks.rest.caller import KeyAuthentication
from webhooks.rest.endpoint import Endpoint, Unrouted

PLACEHOLDER = "YOUR_KEY"
"""Stands where the key goes: what is copied from a page is never a key itself."""


@dataclass(frozen=True)
class Way:
    """A request to begin with; the first of an interface that names no object."""

    interface: str
    header: str
    method: str
    path: str

    def line(self, base: str) -> str:
        """The request for a POSIX shell; a change takes its body from a file."""
        words = ["curl", "--request", self.method, base + self.path]
        words += ["--header", self.header]
        if self.method != "GET":
            words += ["--header", "Content-Type: application/json"]
            words += ["--data", "@body.json"]
        return shlex.join(words)


def of(kind: str) -> list[Way]:
    """Those that a key of this kind opens, by interface."""
    return list(_ways(ApiKey.Kind(kind)))


@cache
def _ways(kind: ApiKey.Kind) -> tuple[Way, ...]:
    found: dict[str, Way] = {}
    for pattern in _patterns(get_resolver().url_patterns):
        callback: Any = pattern.callback
        authentication = _authentication(callback, kind)
        if authentication is None:
            continue
        path = re.sub(r"<\w+:", "<", simplify_regex(str(pattern.pattern)))
        actions = list(callback.actions)
        method = "GET" if "get" in actions else actions[0].upper()
        way = Way(callback.cls.slug, _header(authentication), method, path)
        former = found.get(way.interface)
        if former is None or _rank(way) < _rank(former):
            found[way.interface] = way
    return tuple(way for _, way in sorted(found.items()))


def _patterns(patterns: Any) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            # The interfaces stand at the root; what is under a prefix is for people.
            if not str(pattern.pattern):
                yield from _patterns(pattern.url_patterns)
        else:
            yield pattern


def _authentication(callback: Any, kind: ApiKey.Kind) -> KeyAuthentication | None:
    view: Any = getattr(callback, "cls", object)
    if not issubclass(view, Endpoint) or issubclass(view, Unrouted):
        return None
    for each in view.authentication_classes:
        if issubclass(each, KeyAuthentication) and each.kind == kind:
            found: KeyAuthentication = each()
            return found
    return None


def _header(authentication: KeyAuthentication) -> str:
    found: Any = OpenApiAuthenticationExtension.get_match(authentication)
    scheme = found.get_security_definition(None)
    scheme = scheme[0] if isinstance(scheme, list) else scheme
    if scheme["type"] == "http":
        return f"Authorization: Bearer {PLACEHOLDER}"
    return f"{scheme['name']}: {PLACEHOLDER}"


def _rank(way: Way) -> tuple[bool, bool]:
    """What reads goes before what writes, and what names no object before both."""
    return "<" in way.path, way.method != "GET"
