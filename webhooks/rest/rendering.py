"""Renders answers as JSON, with the same bytes as the writers of JavaScript and Java."""

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer


class JSON(BaseRenderer):
    """Compact UTF-8 JSON, `Content-Type: application/json` without a charset."""

    media_type = "application/json"
    format = "json"
    charset: str | None = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else orjson.dumps(data)


class JSONWithCharset(JSON):
    """The same as `application/json; charset=utf-8`."""

    charset = "utf-8"
