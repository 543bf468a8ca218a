"""The curl lines of docs/api.md, over a real socket."""

import pytest

from tests.dialects import documented


@pytest.fixture
def variables(served):
    partner = served.issue("Readers", "--create")
    publisher = served.issue("--publisher")
    return {
        "PORTAL": served.url,
        "PUBLISHER_KEY": publisher["key"],
        "KEY": partner["key"],
        "PARTNER_ID": partner["partner_id"],
    }


@pytest.mark.once
def test_the_curl_lines_of_the_page_succeed(variables):
    publish, subscribe, rotate, preview = documented.curl_lines("../api.md")
    subscribed = documented.send(subscribe, **variables)
    assert subscribed.status_code == 201, subscribed.text
    assert subscribed.json()["secret"].startswith("whsec_")
    response = documented.send(publish, **variables)
    assert response.status_code == 202, response.text
    assert response.json()["matched"] == 1
    assert response.json()["idempotency_key"] == "signup-7"
    assert response.headers["RateLimit-Policy"] == '"default";q=60000;w=60'
    again = documented.send(publish, **variables)
    assert again.headers["Idempotent-Replayed"] == "true"
    variables["SUBSCRIPTION_ID"] = subscribed.json()["id"]
    rotated = documented.send(rotate, **variables)
    assert rotated.status_code == 201, rotated.text
    assert rotated.json()["secret"].startswith("whsec_")
    counted = documented.send(preview, **variables)
    assert counted.status_code == 200, counted.text
    assert counted.json()["counts"] == {"exhausted": 0, "cancelled": 0}
