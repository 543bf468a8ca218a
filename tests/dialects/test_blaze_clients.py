"""BLAZE through clients that are not ours, over a real socket.

bravado builds its client from a Swagger document and checks every answer against it. The
document is this project's own, and as strict as the vendor's where that one is: its list
envelope, its required `webHookType`, its header `partner_key`, no string that is null.
"""

import json
from pathlib import Path

import pytest
import requests
from bravado.client import SwaggerClient
from bravado.exception import HTTPBadRequest, HTTPNotFound, HTTPUnauthorized

from tests.dialects import documented
from tests.waiting import PATIENCE

pytestmark = pytest.mark.once

SWAGGER = Path(__file__).parent / "blaze_swagger.json"
URL = "https://receiver.example.com/hook"


@pytest.fixture(scope="module")
def key(served) -> str:
    text: str = served.key("BLAZE clients")
    return text


@pytest.fixture(scope="module")
def hooks(served):
    client = SwaggerClient.from_spec(
        json.loads(SWAGGER.read_text()),
        origin_url=f"{served.url}/swagger.json",
        config={"use_models": False},
    )
    return client.webHooks


@pytest.mark.parametrize(
    "headers",
    [
        {"partner_key": "{}"},
        {"Authorization": "{}"},
        {"partner_key": "{}", "Authorization": "Bearer {}"},
    ],
)
def test_it_serves_a_client_that_checks_every_answer(hooks, key, headers):
    keys = {name: text.format(key) for name, text in headers.items()}
    body = {"webHookType": "NEW_MEMBER", "webHookUrls": [URL]}

    made = hooks.create(body=body, **keys).response().result
    id = made["id"]
    assert made["webHookUrls"] == [URL]
    # What is unset comes as absent, which bravado gives out as None.
    assert made["url"] is None

    assert hooks.read(webHookId=id, **keys).response().result == made
    page = hooks.search(type="NEW_MEMBER", limit=1, start=0, **keys).response().result
    assert page["values"] == [made]
    assert (page["limit"], page["total"]) == (1, 1)

    sent = {name: value for name, value in made.items() if value is not None}
    sent |= {"url": URL, "dirty": False}
    replaced = hooks.replace(webHookId=id, body=sent, **keys).response().result
    assert (replaced["url"], replaced["updated"]) == (URL, True)

    gone = hooks.remove(webHookId=id, **keys).response()
    assert gone.metadata.status_code == 200
    with pytest.raises(HTTPNotFound):
        hooks.remove(webHookId=id, **keys).response()


def test_it_refuses_such_a_client_in_json(hooks, key):
    with pytest.raises(HTTPUnauthorized) as refused:
        hooks.search(partner_key="wrong").response()
    assert refused.value.response.json()["message"] == "Invalid partner key"
    body = {"webHookType": "TRANSACTION_UPDATE", "webHookUrls": [URL]}
    with pytest.raises(HTTPBadRequest) as refused:
        hooks.create(body=body, partner_key=key).response()
    assert refused.value.response.json()["field"] == "webHookType"


@pytest.mark.parametrize("name", ["x-api-key", "partner_key", "partner-key"])
def test_it_hears_the_key_under_each_name(served, key, name):
    address = f"{served.url}/api/v1/partner/webHooks"
    assert (
        requests.get(address, headers={name: key}, timeout=PATIENCE).status_code == 200
    )
    assert (
        requests.get(address, headers={name: "no"}, timeout=PATIENCE).status_code == 401
    )


def test_the_requests_of_its_page_succeed(served):
    key = served.key("BLAZE page")
    id = ""
    statuses = []
    for line in documented.curl_lines("blaze.md"):
        response = documented.send(line, PORTAL=served.url, KEY=key, ID=id)
        statuses.append(response.status_code)
        if not id:
            id = response.json()["id"]
    assert statuses == [200] * 5
