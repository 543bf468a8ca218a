"""A body as the interface that has a path reads it: JSON, else a form."""

from typing import Any

from django.urls import resolve


def written(path: str, body: Any) -> tuple[str, str]:
    """The text and its media type; no text for None."""
    view: Any = resolve(path.partition("?")[0]).func
    parser = view.cls.parser_classes[0]
    return "" if body is None else parser.written(body), parser.media_type
