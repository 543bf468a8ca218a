"""What is refused before a view is asked: each interface says so itself, and for the rest
there is a page in words."""

import pytest
from django.test import Client


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
