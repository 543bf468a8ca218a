"""URLs of settings: their options, and a password that may have any characters."""

import re
from typing import Any
from urllib.parse import quote, urlsplit


def parse_url(parse: Any, text: str) -> dict[str, Any]:
    url = with_quoted_password(text)
    try:
        if urlsplit(url).fragment:
            raise ValueError
        found: dict[str, Any] = parse(url)
    except ValueError:
        # Its own text would quote the URL.
        raise ValueError(
            "it must be a URL with a number as its port and with the special characters "
            "of its password percent-encoded"
        ) from None
    options(text)
    return found


def options(url: str) -> list[tuple[str, str]]:
    """Those behind the `?`. Raises ValueError where a parser would drop one."""
    query = urlsplit(with_quoted_password(url)).query
    pairs = [option.partition("=")[::2] for option in query.split("&") if query]
    names = {name.lower() for name, _ in pairs}
    if len(names) < len(pairs) or not all(name and value for name, value in pairs):
        raise ValueError("it must have each option once, as name=value")
    return pairs


def with_quoted_password(url: str) -> str:
    """The URL with the special characters of its password percent-encoded.

    So a password may be written as it is, where it is clear which part of the URL it is: up
    to the last `@`. Raises ValueError where it is not.
    """
    scheme, colon, rest = url.partition("://")
    before = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in before or "@" not in rest:
        return url  # as every parser of URLs reads it
    user, _, password = rest.rpartition("@")[0].partition(":")
    if (
        not password
        or re.search(r"[/?#]", user)
        or re.fullmatch(r"[^:]*:[0-9]+", before)
    ):
        raise ValueError(
            "the special characters of its password must be percent-encoded (/ is %2F, "
            "? is %3F, # is %23, @ is %40)"
        )
    where = rest.rpartition("@")[2]
    return f"{scheme}{colon}{user}:{quote(password, safe='%')}@{where}"
