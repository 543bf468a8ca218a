"""The policy of content on each answer: what django-csp would say, made once."""

import csp.middleware
import pytest
from csp.constants import NONCE
from csp.decorators import csp_exempt, csp_update
from csp.utils import build_policy
from django.http import HttpResponse
from django.test import RequestFactory

from webhooks.front.content_policy import ContentPolicy

HEADER = "Content-Security-Policy"


def directives(response):
    return set(response[HEADER].split("; "))


@pytest.mark.django_db
@pytest.mark.ignore_template_errors
@pytest.mark.parametrize(
    "path", ["/", "/v1/webhooks", "/healthz", "/none", "/admin/login/"]
)
def test_every_answer_has_the_policy_of_the_settings(client, monkeypatch, path):
    expected = set(build_policy().split("; "))

    def build(**_):
        raise AssertionError("it is made anew")

    client.get("/healthz")  # loads the middleware
    monkeypatch.setattr(csp.middleware, "build_policy", build)
    assert directives(client.get(path)) == expected


def answer(view):
    return ContentPolicy(view)(RequestFactory().get("/"))


def test_a_view_may_change_its_own():
    @csp_update({"img-src": ["https://example.com"]})
    def changed(request):
        return HttpResponse()

    @csp_exempt()
    def without(request):
        return HttpResponse()

    @csp_update({"script-src": [NONCE]})
    def with_nonce(request):
        return HttpResponse(str(request.csp_nonce))

    def own(request):
        return HttpResponse(headers={HEADER: "default-src 'self'"})

    assert "img-src 'self' data: https://example.com" in directives(answer(changed))
    assert HEADER not in answer(without)
    named = answer(with_nonce)
    assert f"'nonce-{named.content.decode()}'" in named[HEADER]
    assert directives(answer(own)) == {"default-src 'self'"}
