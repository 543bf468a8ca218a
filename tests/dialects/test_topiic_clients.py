"""Topiic over a real socket: the curl line and the recipe of its page in the docs."""

import time
from uuid import uuid4

import pytest
import requests

from tests.dialects import documented
from tests.waiting import PATIENCE
from webhooks.delivery.wire import Signing
from webhooks.dialects.topiic import wire

pytestmark = pytest.mark.once


def test_the_curl_line_of_the_page_succeeds(served):
    key = served.issue("Topiic", "--create")
    (line,) = documented.curl_lines("topiic.md")
    response = documented.send(
        line,
        PORTAL=served.url,
        KEY=key["key"],
        KEY_ID=key["key_id"],
        PARTNER_ID=key["partner_id"],
    )
    assert response.status_code == 200, response.text
    reply = response.json()
    assert reply["id"] == key["key_id"]
    assert reply["keyPrefix"] == "whk_" + key["prefix"]
    assert reply["webhookEvents"] == ["example"]


def test_the_recipe_of_the_page_verifies_what_is_sent():
    verify = documented.recipe("topiic.md")["verify"]
    body, secrets = b'{"id":1}', [wire.new_secret(), wire.new_secret()]
    signing = Signing(uuid4(), int(time.time()), body, secrets)
    header = wire.sign(signing)["Topiic-Signature"]
    assert all(verify(body, header, secret) for secret in secrets)
    assert not verify(body + b" ", header, secrets[0])
    assert not verify(body, header, wire.new_secret())
    late = Signing(uuid4(), int(time.time()) - 301, body, secrets)
    assert not verify(body, wire.sign(late)["Topiic-Signature"], secrets[0])


def test_its_path_is_found_in_any_case_and_never_redirects(served):
    key = served.issue("Topiic", "--create")
    url = f"{served.url}/API/APIKEYS/{key['key_id'].upper()}/WEBHOOK/"
    headers = {"Authorization": f"bearer {key['key']}"}
    body = {"id": key["key_id"], "merchantId": key["partner_id"]}
    response = requests.put(
        url, json=body, headers=headers, allow_redirects=False, timeout=PATIENCE
    )
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert not {"Allow", "Set-Cookie"} & response.headers.keys()
