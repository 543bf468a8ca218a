"""A Host that is not served: each interface says so itself, the pages as Django does."""

import pytest


@pytest.mark.parametrize("path", ["/", "/admin/", "/no/such/page", "/docs/capa/"])
def test_the_pages_leave_it_to_django(client, path):
    response = client.get(path, headers={"Host": "stranger.example"})
    assert response.status_code == 400
    assert response["Content-Type"].startswith("text/html")


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
