"""Requests that Django would not survive, over the WSGI application that is served."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from portal.wsgi import application

# Codecs that Python knows: of no text, of text that fails always, and of text that fails at times.
CHARSETS = [
    "rot13",
    "base64",
    "zlib",
    "undefined",
    "idna",
    "utf-16",
    "utf-7",
    "nonsense",
]
PATHS = [
    "/healthz",
    "/admin/login/",
    "/v1/webhooks",
    "/api/v1/partner/webHooks",
    "/api/v2/public/webhooks/user",
    "/api/partner/v1/webhook-settings",
    "/api/portal/v1/me",
    "/nowhere",
]


def ask(path: str, **environ: object) -> tuple[int, dict[str, str], bytes]:
    found: dict[str, Any] = {}

    def start_response(
        status: str, headers: Any, exc_info: object = None, /
    ) -> Callable[[bytes], object]:
        found["status"], found["headers"] = int(status[:3]), dict(headers)
        return list

    given = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "page=1&q=%C3%A9",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        **environ,
    }
    body = b"".join(application(given, start_response))
    return found["status"], found["headers"], body


@pytest.mark.django_db
@pytest.mark.usefixtures("templates_of_others")
@pytest.mark.parametrize("path", PATHS)
def test_no_charset_of_a_body_is_an_error_of_the_portal(path):
    plain, headers, body = ask(path, CONTENT_TYPE="application/json")
    for charset in CHARSETS:
        content_type = f"application/json; charset={charset}"
        status, named, text = ask(path, CONTENT_TYPE=content_type)
        is_refused = path.startswith("/admin/") and status == 400
        assert status == plain or is_refused, charset
        assert (
            named["Content-Type"].split(";")[0] == headers["Content-Type"].split(";")[0]
        )
        if path.startswith(("/api", "/v1")):
            assert text == body
