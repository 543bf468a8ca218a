"""What is refused before a view is asked: each interface says so itself, and for the rest
there is a page in words."""

import json
from http import HTTPStatus

import pytest
from django.test import Client

from webhooks.front import web_server
from webhooks.rest import interfaces


@pytest.mark.parametrize("path", ["/", "/admin/", "/no/such/page", "/docs/capa/"])
def test_the_pages_say_it_in_words(client, path):
    response = client.get(path, headers={"Host": "stranger.example"})
    assert response.status_code == 400
    assert "This request was not understood" in response.content.decode()


def test_a_form_of_another_log_in_says_that_nothing_was_changed(db):
    client = Client(enforce_csrf_checks=True)
    response = client.post("/admin/login/", {"username": "ann", "password": "x"})
    assert response.status_code == 403
    assert "Nothing was changed." in response.content.decode()
    assert "unsafe-inline" not in response["Content-Security-Policy"]


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "latin1"])
@pytest.mark.parametrize("path", ["/staff/partners/new/", "/admin/login/"])
def test_the_console_reads_utf_8_only(admin_client, templates_of_others, path, charset):
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    body = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n+2AA-\r\n--x--\r\n'
    for response in (
        admin_client.generic("POST", path, body, kind),
        admin_client.get(f"{path}?q=%2B2AA-", headers={"Content-Type": kind}),
    ):
        assert response.status_code == 400
        assert "This request was not understood" in response.content.decode()
    allowed = kind.replace(charset, "UTF8")
    assert admin_client.generic("POST", path, body, allowed).status_code != 400


def test_there_is_a_page_for_what_is_not_there(client):
    response = client.get("/no/such/page")
    assert response.status_code == 404
    assert 'href="/staff/"' in response.content.decode()


@pytest.mark.parametrize("host", ["stranger.example", "a b", "testserver:x", "[::", ""])
def test_the_api_says_it_as_a_problem(client, host):
    response = client.get("/api/portal/v1/me", headers={"Host": host})
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["title"] == "Bad Request"


def test_version_2_of_capa_says_it_too(client):
    path = "/api/partner/v2/webhook-settings/"
    response = client.put(path, headers={"Host": "stranger.example"})
    assert response.json() == {"message": "Bad Request", "statusCode": 400}


# --- By the web server: tests/management/test_serve_refusals.py asks over sockets ------


def refused(path: str, status: HTTPStatus, **more: str) -> tuple[dict[str, str], bytes]:
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        **more,
    }
    headers, body = web_server.refuse(environ, status, "Not like this.", 0.5)
    return dict(headers), body


@pytest.mark.parametrize("status", [400, 405, 408, 413, 431, 500, 503, 505])
@pytest.mark.parametrize("interface", interfaces.all(), ids=lambda each: each.slug)
def test_an_interface_words_what_the_web_server_refuses(client, interface, status):
    path = f"/{interface.prefix}/no/such/path"
    headers, body = refused(path, HTTPStatus(status))
    assert headers["Content-Type"] == client.get(path)["Content-Type"]
    assert "Not like this." in json.loads(body).values()
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Request-Id"]


@pytest.mark.parametrize("path", ["", "/", "/admin/", "/no/such", "no path", "/\0"])
def test_elsewhere_the_web_server_refuses_in_plain_text(path):
    headers, body = refused(path, HTTPStatus.REQUEST_TIMEOUT)
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert body == b"Not like this.\n"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/staff/", "/api/partner/v1/webhook-settings"])
def test_what_the_web_server_refuses_by_tls_has_hsts(path, settings):
    settings.SECURE_HSTS_SECONDS, settings.TRUSTED_PROXIES = 1000, 1
    for scheme, found in (("https", "max-age=1000"), ("http", None)):
        headers, _ = refused(
            path, HTTPStatus.REQUEST_TIMEOUT, HTTP_X_FORWARDED_PROTO=scheme
        )
        assert headers.get("Strict-Transport-Security") == found
