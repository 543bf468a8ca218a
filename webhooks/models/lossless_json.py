"""Decodes JSON of a caller from the database without loss."""

from json import JSONDecoder
from typing import Any

import orjson


class Decoder(JSONDecoder):
    """Reads numbers as they were read when they came in.

    PostgreSQL spells out what was sent as 1e40. Python makes an integer of those digits
    that no writer here takes (nor most readers of JSON anywhere); orjson makes the
    float of it that it was.
    """

    def decode(self, s: str, _w: Any = None) -> Any:
        return orjson.loads(s)
