"""The WSGI application that `manage.py serve` runs."""

import os
from functools import cached_property
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest, get_str_from_wsgi
from django.http import parse_cookie
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

LONGEST_CONTENT_TYPE = 500
"""Characters; the longest in use is that of a form with files, with a boundary of 70."""


class Request(WSGIRequest):
    """A request whose headers and form are read in a time that grows with their length alone.

    Django reads the headers while it makes the request, before any middleware: what fails there is
    answered by nothing. Its URL is UTF-8, whatever charset the Content-Type of its body names; who
    reads a body finds that in `content_params`.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        content_type = meta.get("CONTENT_TYPE", "")
        # Many semicolons within quotes take quadratic time. `charset*=` of RFC 2231, which no
        # client sends, names a codec: one that is unknown is an error, and is kept for ever.
        if len(content_type) > LONGEST_CONTENT_TYPE or "*" in content_type:
            content_type = content_type.partition(";")[0]
            meta["CONTENT_TYPE"] = content_type  # for all who read it again
        self.content_type, self.content_params = parse_header_parameters(content_type)

    @cached_property
    def COOKIES(self) -> dict[str, str]:  # type: ignore[override] # noqa: N802 - Django's
        # A cookie has no backslash (RFC 6265, 4.1.1). Where it has, Pythons before 3.12.6 read it
        # in quadratic time: seconds for 30 KiB.
        given = get_str_from_wsgi(self.environ, "HTTP_COOKIE", "").split(";")
        return parse_cookie(";".join(each for each in given if "\\" not in each))

    may_read_form = False
    """Until a middleware has said so its form is empty: pages of errors look for a token in it."""

    def _load_post_and_files(self) -> None:
        # No page takes a file. Django reads the headers of the parts in quadratic time: 2.5 s for
        # a MiB of semicolons.
        if self.may_read_form and self.content_type != "multipart/form-data":
            super()._load_post_and_files()
        else:
            self._mark_post_parse_error()  # type: ignore[attr-defined]


class Handler(WSGIHandler):
    request_class = Request


django.setup(set_prefix=False)
application = Handler()
