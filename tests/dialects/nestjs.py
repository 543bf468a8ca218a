"""What NestJS answers by itself, for the vendors that use it."""

import re
from collections.abc import Callable
from typing import Any


def cannot(prefix: str) -> Callable[[Any], None]:
    """Checks the answer to a path below `prefix` that nothing serves."""

    def check(body: Any) -> None:
        assert list(body) == ["message", "error", "statusCode"]
        assert re.fullmatch(rf"Cannot [A-Z]+ {prefix}\S*", body["message"])
        assert (body["error"], body["statusCode"]) == ("Not Found", 404)

    return check


def malformed(body: Any) -> None:
    assert list(body) == ["message", "error", "statusCode"]
    assert isinstance(body["message"], str)
    assert (body["error"], body["statusCode"]) == ("Bad Request", 400)


def corrupt(body: Any) -> None:
    # In zlib's own words, which NestJS passes on.
    assert list(body) == ["statusCode", "message"]
    assert body["message"] in ("incorrect header check", "unexpected end of file")
