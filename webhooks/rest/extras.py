"""Fields that the portal does not use: they are kept with the subscription and returned."""

from collections.abc import Collection, Mapping
from typing import Any

import orjson
from rest_framework import serializers

UNRECOGNISED_BYTES = 4096


def read(
    accepted: type[serializers.Serializer[Any]],
    body: Mapping[str, Any],
    *,
    ignored: Collection[str] = (),
    partial: bool = False,
    **context: Any,
) -> dict[str, Any]:
    """What the serializer reads of a body, and under `extras` what is no field of it.

    `ignored` are fields that a caller may send back and that are the server's own. In a
    `partial` body no field is required. Raises ValidationError.
    """
    serializer = accepted(data=body, partial=partial, context=context)
    serializer.is_valid(raise_exception=True)
    known = serializer.fields.keys() | set(ignored)
    return {**serializer.validated_data, "extras": unrecognised(body, known)}


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


def merged(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The `extras` of a subscription after a request that keeps what it does not name."""
    return unrecognised({**stored, **given}, ())
