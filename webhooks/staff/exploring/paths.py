"""The paths of the browsable API, every one of every interface, as one partner opens it.

Read from the addresses of the views, so that a new dialect is here by being mounted.
Where a path names an object, one of the partner's own stands in its place.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.http import urlencode

from webhooks.models import ApiKey, Delivery, Partner, Subscription
from webhooks.rest import interfaces
from webhooks.rest.endpoint import Endpoint

_PORTAL = "portal"
"""The interface where also what hangs on a subscription of another is found, with its
dialect beside; the subscription itself is seen through its own."""

_NAMED = re.compile(r"([^/]+)/<\w+>")
"""What a path names, behind the word for what it is: `deliveries/<id>`."""


@dataclass(frozen=True)
class Door:
    """A path, and where it opens."""

    path: str
    methods: Sequence[str]
    address: str
    """Empty where the partner has nothing yet that the path could name."""
    lacks: str = ""


@dataclass(frozen=True)
class Interface:
    title: str
    doors: Sequence[Door]


@dataclass(frozen=True)
class _Path:
    interface: str
    text: str
    methods: Sequence[str]


@dataclass(frozen=True)
class _Example:
    id: str
    query: str = ""


def of(partner: Partner) -> list[Interface]:
    """Those of each interface."""
    titles = {each.slug: each.title for each in interfaces.all()}
    examples = _Examples(partner)
    found: dict[str, list[Door]] = {}
    for path in _paths():
        found.setdefault(path.interface, []).append(_door(path, examples))
    return [
        Interface(titles.get(slug, slug.capitalize()), doors)
        for slug, doors in sorted(found.items())
    ]


def _door(path: _Path, examples: "_Examples") -> Door:
    named = _NAMED.search(path.text)
    if named is None:
        return Door(path.text, path.methods, address=path.text)
    thing = _thing(named[1])
    is_whole = path.text.endswith(">")
    slug = None if path.interface == _PORTAL and not is_whole else path.interface
    example = examples.of(thing, slug)
    if example is None:
        return Door(path.text, path.methods, address="", lacks=thing)
    text = re.sub(r"<\w+>", lambda _: quote(example.id, safe=""), path.text, count=1)
    return Door(text, path.methods, address=text + example.query)


def _thing(word: str) -> str:
    """Vendors differ in what they call a subscription, and hardly in the rest."""
    word = word.casefold()
    if word.endswith("keys"):
        return "key"
    return {"deliveries": "delivery", "recoveries": "recovery"}.get(
        word, "subscription"
    )


class _Examples:
    """One of each kind of thing, the partner's latest; each is asked for once."""

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._found: dict[tuple[str, str | None], _Example | None] = {}

    def of(self, thing: str, dialect: str | None) -> _Example | None:
        """Without a dialect, a subscription of any, with its name beside."""
        wanted = (thing, dialect if thing == "subscription" else None)
        if wanted not in self._found:
            self._found[wanted] = self._ask(*wanted)
        return self._found[wanted]

    def _ask(self, thing: str, dialect: str | None) -> _Example | None:
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
        beside = {} if dialect else {"dialect": row.dialect}
        return _Example(row.public_id, "?" + urlencode(beside) if beside else "")


def _first(rows: Any) -> _Example | None:
    id = rows.values_list("id", flat=True).first()
    return id and _Example(str(id))


@cache
def _paths() -> tuple[_Path, ...]:
    """Every path that has forms; the first of those that lead to the same view."""
    found: dict[int, _Path] = {}
    for pattern in _patterns(get_resolver().url_patterns):
        callback: Any = pattern.callback
        view = getattr(callback, "cls", None)
        if not (isinstance(view, type) and issubclass(view, Endpoint)):
            continue
        if not view.has_forms:
            continue
        text = re.sub(r"<\w+:", "<", simplify_regex(str(pattern.pattern)).rstrip("/"))
        methods = [method.upper() for method in callback.actions if method != "head"]
        path = _Path(_interface(view.__module__), text, methods)
        found.setdefault(id(callback), path)
    return tuple(found.values())


def _patterns(patterns: Any) -> Iterator[URLPattern]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            # The interfaces stand at the root; what is under a prefix is for people.
            if not str(pattern.pattern):
                yield from _patterns(pattern.url_patterns)
        else:
            yield pattern


def _interface(module: str) -> str:
    """The dialect whose folder a view's module is in; else it is of the portal's own API."""
    _, room, folder, *_ = module.split(".")
    return folder if room == "dialects" else _PORTAL
