"""What the dialects share that is nobody's vendor."""

from collections.abc import Collection, Mapping
from typing import Any

import orjson

UNRECOGNISED_BYTES = 4096


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
