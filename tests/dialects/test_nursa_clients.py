"""Nursa's dialect over a real socket, by the lines of its own page."""

import pytest
import requests

from tests.dialects import documented

pytestmark = pytest.mark.once

USER = "/api/v2/public/webhooks/user"


def test_every_curl_line_of_its_page_succeeds(served):
    key = served.key("Nursa's page")
    lines = documented.curl_lines("nursa.md")
    assert len(lines) == 5
    webhook = ""
    for line in lines:
        response = documented.send(line, PORTAL=served.url, KEY=key, WEBHOOK=webhook)
        assert response.status_code == 201, (line, response.text)
        if response.request.method == "POST":
            webhook = response.json()["data"]["id"]
    assert response.request.method == "DELETE"
    assert response.content == b""
    assert "Content-Type" not in response.headers


def test_it_answers_head_and_options_as_its_framework_does(served):
    headers = {"Authorization": f"Bearer {served.key('Nursa methods')}"}
    assert requests.head(served.url + USER, headers=headers).status_code == 201
    response = requests.options(served.url + USER, headers=headers)
    assert response.status_code == 404
    assert response.json()["message"] == f"Cannot OPTIONS {USER}"


def test_it_refuses_a_large_body_that_says_so(served):
    response = requests.post(
        served.url + USER,
        data=b"[" + b" " * 102_400,
        headers={"Content-Type": "application/json"},
    )
    assert response.status_code == 413
    assert (
        response.content == b'{"statusCode":413,"message":"request entity too large"}'
    )
