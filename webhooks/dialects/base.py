"""How a dialect is mounted: its documented paths, with and without a last slash.

No redirect ever: a 301 turns the PUT of many clients into a GET and drops its body.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import orjson
from django.http import HttpResponse
from django.urls import URLPattern, path
from django.urls.resolvers import RegexPattern

from webhooks.rest.endpoint import EVERY_METHOD, Unrouted

View = Callable[..., HttpResponse]

UNRECOGNISED_BYTES = 4096


def with_slash(documented: Sequence[URLPattern]) -> list[URLPattern]:
    """The same views at the same paths with a last slash."""
    return [
        path(f"{pattern.pattern}/", pattern.callback, pattern.default_args)
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


def matching(regex: str, view: View, flags: re.RegexFlag) -> URLPattern:
    """The view at every path that `regex` matches under `flags`."""
    return URLPattern(_Flagged(regex, flags), view)


def everything_under(
    prefix: str, view: type[Unrouted], *, flags: str = ""
) -> URLPattern:
    """The dialect's own "no such path" for all below `prefix`, which has no slashes
    around it. `flags` may be `i`: in any case of its letters."""
    # A path may hold a line feed, too.
    in_any_case = re.IGNORECASE if flags == "i" else re.NOFLAG
    pattern = rf"^{re.escape(prefix)}(?:/.*)?\Z"
    return matching(pattern, view.as_view(EVERY_METHOD), re.DOTALL | in_any_case)


def unrecognised(body: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """The fields of a body that its dialect has no meaning for, to be kept in `extras`.

    As many, in their order, as fit in UNRECOGNISED_BYTES of JSON.
    """
    kept: dict[str, Any] = {}
    size = 0
    for name, value in body.items():
        if name not in known:
            size += len(orjson.dumps({name: value}))
            if size > UNRECOGNISED_BYTES:
                break
            kept[name] = value
    return kept
