"""Lists in pages: by key and not by offset, so that a late page costs what an early one
does and rows that come or go shift nothing."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import orjson
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from .protocol import PartRefused

DEFAULT_LIMIT = 50
MAX_LIMIT = 100

_LIMIT = re.compile(r"[1-9][0-9]{0,2}")

Row = TypeVar("Row")
Key = list[str]

PARAMETERS = [
    OpenApiParameter(
        "limit",
        OpenApiTypes.INT,
        description=f"1 to {MAX_LIMIT}; {DEFAULT_LIMIT} if absent.",
    ),
    OpenApiParameter(
        "cursor",
        OpenApiTypes.STR,
        description="Where a page begins: use `next` as it is given.",
    ),
]


@dataclass(frozen=True)
class Asked:
    """A page as a request asks for it."""

    limit: int
    after: Key | None  # the key of the last row of the page before


def asked(request: Request, *, parts: int) -> Asked:
    """Raises PartRefused. A cursor holds the `parts` of a row's key."""
    query = request.query_params
    limit = query.get("limit", str(DEFAULT_LIMIT))
    if not _LIMIT.fullmatch(limit) or int(limit) > MAX_LIMIT:
        detail = f"Must be a number from 1 to {MAX_LIMIT}."
        raise PartRefused("parameter", "limit", detail)
    cursor = query.get("cursor")
    return Asked(int(limit), None if cursor is None else _read(cursor, parts))


def page(
    request: Request,
    asked: Asked,
    rows: Sequence[Row],
    *,
    key: Callable[[Row], Key],
    shown: Callable[[Row], dict[str, Any]],
) -> dict[str, Any]:
    """The body of a page; `rows` has one row more than was asked for if there are more."""
    here = rows[: asked.limit]
    following = None
    if len(rows) > asked.limit:
        cursor = base64.urlsafe_b64encode(orjson.dumps(key(here[-1]))).decode()
        query = request.query_params.copy()  # with its filters
        query["limit"], query["cursor"] = str(asked.limit), cursor.rstrip("=")
        following = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return {"data": [shown(row) for row in here], "next": following}


def parameters(request: Request, known: type[serializers.Serializer[Any]]) -> Any:
    """The filters of a list as `known` reads them; raises PartRefused."""
    query = request.query_params
    reader = known(
        data={name: query[name] for name in known().get_fields() if name in query}
    )
    if not reader.is_valid():
        name, messages = next(iter(reader.errors.items()))
        raise PartRefused("parameter", name, str(messages[0]))
    return reader.validated_data


def by_id(asked: Asked) -> UUID | None:
    """The id behind which a page begins, in a list whose rows have no other key."""
    if asked.after is None:
        return None
    try:
        return UUID(asked.after[0])
    except ValueError:
        raise no_cursor() from None


def _read(cursor: str, parts: int) -> Key:
    try:
        text = base64.b64decode(
            cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        )
        key = orjson.loads(text)
    except (binascii.Error, ValueError):
        key = None
    if (
        not isinstance(key, list)
        or len(key) != parts
        or not all(isinstance(part, str) and "\0" not in part for part in key)
    ):
        raise no_cursor()
    return key


def no_cursor() -> PartRefused:
    return PartRefused("parameter", "cursor", "Is none that this list gave.")
