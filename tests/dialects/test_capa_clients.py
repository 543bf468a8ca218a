"""Capa's dialect over a real socket, by the lines of its own page."""

import pytest
import requests

from tests.dialects import documented

pytestmark = pytest.mark.once

PATH = "/api/partner/v1/webhook-settings"


def test_every_curl_line_of_its_page_succeeds(served):
    key = served.key("Capa's page")
    lines = documented.curl_lines("capa.md")
    assert len(lines) == 2
    for line in lines:
        response = documented.send(line, PORTAL=served.url, KEY=key)
        assert response.status_code == 200, (line, response.text)
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.json()["data"]["url"] is None


def test_it_hears_the_key_in_any_case_of_its_header(served):
    key = served.key("Capa in capitals")
    response = requests.put(
        served.url + PATH, json={"url": None}, headers={"PARTNER-API-KEY": key}
    )
    assert response.status_code == 200


def test_it_takes_a_path_with_a_query_and_answers_it_whole(served):
    response = requests.get(f"{served.url}{PATH}?a=%C3%A9&b")
    assert response.status_code == 404
    assert response.json()["message"] == f"Cannot GET {PATH}?a=%C3%A9&b"
