"""Plain http where TLS is required: an API refuses it, a page is redirected, health answers."""

import json
import logging
import re

import pytest
from django.test import Client

from tests import factories
from tests.rest.test_every_operation import operations
from webhooks.models import ApiKey
from webhooks.rest import interfaces

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def tls_is_required(settings) -> None:
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.parametrize(("method", "path", "authentication"), operations())
def test_an_operation_refuses_a_valid_key_and_says_that_it_is_known_now(
    method, path, authentication, caplog, django_assert_num_queries
) -> None:
    is_publishers = authentication.kind == ApiKey.Kind.PUBLISHER
    key, text = factories.key(None if is_publishers else factories.partner())
    address = re.sub("<[^>]+>", "x", path)
    headers = dict([authentication.header(text)])

    with django_assert_num_queries(0), caplog.at_level(logging.WARNING):
        answer = Client().generic(method, address, b"{}", headers=headers)

    assert answer.status_code == 403
    assert "Location" not in answer
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "https only" in str(json.loads(answer.content))
    assert "replace it" in str(json.loads(answer.content))
    assert f"whk_{key.prefix} was sent by plain http" in caplog.text
    assert text not in caplog.text
    by_tls = Client().generic(method, address, b"{}", headers=headers, secure=True)
    assert by_tls.status_code != 403
    assert by_tls["Content-Type"].split(";")[0] in (
        answer["Content-Type"].split(";")[0],
        "text/html",  # of an answer without a body
    )


@pytest.mark.parametrize("interface", interfaces.all(), ids=lambda each: each.slug)
def test_every_path_of_an_interface_is_refused(interface) -> None:
    aliases = [str(each.pattern) for each in interface.aliases]
    paths = [re.sub("<[^>]+>", "x", each) for each in aliases if "\\" not in each]
    for path in [*paths, interface.prefix.upper(), f"{interface.prefix}/no/such"]:
        for method in ("GET", "POST", "OPTIONS"):
            answer = Client().generic(method, f"/{path}")
            assert answer.status_code == 403, path
            json.loads(answer.content)


@pytest.mark.parametrize("path", ["/", "/admin/", "/staff/", "/docs/", "/apiary"])
def test_a_page_is_redirected(path) -> None:
    answer = Client().get(path)
    assert answer.status_code == 301
    assert answer["Location"] == f"https://testserver{path}"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_monitoring_asks_is_answered(path) -> None:
    assert Client().get(path).status_code == 200


def test_the_proxy_says_by_what_the_client_called(settings) -> None:
    settings.TRUSTED_PROXIES = 1
    told = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
    assert Client().get("/v1/webhooks", headers=told).status_code == 401
    told["X-Forwarded-Proto"] = "http"
    assert Client().get("/v1/webhooks", headers=told).status_code == 403
    settings.TRUSTED_PROXIES = 0
    told["X-Forwarded-Proto"] = "https"
    assert Client().get("/v1/webhooks", headers=told).status_code == 403


def test_an_operator_may_serve_by_plain_http(settings) -> None:
    settings.SECURE_SSL_REDIRECT = False
    assert Client().get("/v1/webhooks").status_code == 401
    assert Client().get("/docs/").status_code == 200
