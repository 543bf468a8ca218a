"""The WSGI application that `manage.py serve` runs."""

import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


class Request(WSGIRequest):
    """A request whose URL is UTF-8, whatever charset the Content-Type of its body names.

    Django decodes the query by that charset while it makes the request, before any middleware.
    With one that decodes no text, such as `rot13`, that is an error which nothing answers. Who
    reads a body finds its charset in `content_params`.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        content_type = meta.get("CONTENT_TYPE", "")
        self.content_type, self.content_params = parse_header_parameters(content_type)


class Handler(WSGIHandler):
    request_class = Request


django.setup(set_prefix=False)
application = Handler()
