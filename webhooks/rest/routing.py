"""The addresses of all REST interfaces together.

Interfaces share a host, and two of them may share a prefix. The order in which they are
registered decides nothing: documented paths come first, then aliases, then for each
interface "no such path" for all below its prefix, the longest prefix first.

No path redirects to another one: a 301 turns the PUT of many clients into a GET and drops
its body.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from django.core import checks
from django.urls import Resolver404, URLPattern, path, resolve
from django.urls.resolvers import RegexPattern

from . import interfaces
from .interfaces import Interface

_PARAMETER = re.compile(r"<[^>]+>")

_EVERY_METHOD = dict.fromkeys(
    ("get", "post", "put", "patch", "delete", "head", "options", "trace"), "refuse"
)


# --- What an interface's `urls` is written with ---------------------------------------


def with_slash(documented: Iterable[URLPattern]) -> list[URLPattern]:
    """The same views at the same paths with a last slash."""
    return [
        path(f"{pattern.pattern}/", pattern.callback, pattern.default_args)
        for pattern in documented
    ]


def in_any_case(documented: Iterable[URLPattern]) -> list[URLPattern]:
    """The same views at the same paths in any case of their letters, with or without a
    last slash."""
    return [
        _matching(
            pattern.pattern.regex.pattern.removesuffix(r"\Z") + r"/?\Z",
            pattern.callback,
            re.IGNORECASE,
        )
        for pattern in documented
    ]


class _Flagged(RegexPattern):
    """A regular expression whose flags stand beside it.

    Django reads every pattern of a site to reverse any one of them, and raises at an
    inline flag such as `(?i)`.
    """

    def __init__(self, regex: str, flags: re.RegexFlag) -> None:
        super().__init__(regex, is_endpoint=True)
        # Where the descriptor of this name keeps what it has compiled.
        self.__dict__["regex"] = re.compile(regex, flags)


def _matching(regex: str, view: Any, flags: re.RegexFlag) -> URLPattern:
    return URLPattern(_Flagged(regex, flags), view)


# --- The addresses --------------------------------------------------------------------


def urlpatterns(served: Sequence[Interface]) -> list[URLPattern]:
    """Every address of these interfaces, in the order in which they are to be tried."""
    documented = [pattern for each in served for pattern in each.documented]
    aliases = [pattern for each in served for pattern in each.aliases]
    prefixes = sorted(served, key=lambda each: (-len(each.prefix), each.slug))
    return [
        *sorted(documented, key=_parameters_last),
        *sorted(aliases, key=_parameters_last),
        *(_everything_under(each) for each in prefixes),
    ]


def _parameters_last(pattern: URLPattern) -> list[bool]:
    """`recoveries/preview` is tried before `recoveries/<id>`."""
    return ["<" in segment for segment in str(pattern.pattern).split("/")]


def _everything_under(interface: Interface) -> URLPattern:
    # A path may hold a line feed, too. In any case of its letters: who mistypes the
    # prefix is answered by the interface that was meant.
    flags = re.DOTALL | re.IGNORECASE
    pattern = rf"^{re.escape(interface.prefix)}(?:/.*)?\Z"
    return _matching(pattern, interface.unrouted.as_view(_EVERY_METHOD), flags)


# --- The check ------------------------------------------------------------------------


def check() -> list[checks.CheckMessage]:
    """Each documented path leads to its own view, and each prefix to one interface."""
    served = interfaces.all()
    return [*_misrouted(served), *_shared_prefixes(served)]


def _misrouted(served: Iterable[Interface]) -> Iterable[checks.CheckMessage]:
    for interface in served:
        for pattern in interface.documented:
            address = "/" + _PARAMETER.sub("x", str(pattern.pattern))
            try:
                found: Any = resolve(address).func
            except Resolver404:
                found = None
            if found is not pattern.callback:
                view = getattr(found, "cls", found)
                yield checks.Error(
                    f"{interface.title} documents {pattern.pattern}, which leads to "
                    f"{view} instead of its own view.",
                    id="webhooks.E001",
                )


def _shared_prefixes(served: Iterable[Interface]) -> Iterable[checks.CheckMessage]:
    def prefix(interface: Interface) -> str:
        return interface.prefix.casefold()

    for shared, sharing in groupby(sorted(served, key=prefix), key=prefix):
        titles = sorted(interface.title for interface in sharing)
        if len(titles) > 1:
            yield checks.Error(
                f"{' and '.join(titles)} have the same PREFIX, {shared}.",
                hint="Give each a longer one, so that an unknown path has one owner.",
                id="webhooks.E002",
            )
