"""Partnero through its own clients, over a real socket.

Its Python SDK runs unchanged. Its PHP SDK and its n8n node are imitated in what they put
on the wire: list parameters as the JSON body of a GET, `[]` as the body of GET and
DELETE, a comparison of the whole Content-Type, links that are followed as they are.
"""

import itertools
import json

import pytest
import requests
from partnero import PartneroClient
from partnero.base_api import PartneroAPIException

from tests.dialects import documented
from tests.waiting import PATIENCE

pytestmark = pytest.mark.once

URL = "https://receiver.example.com/hook"
_numbers = itertools.count(1)


@pytest.fixture
def key(served) -> str:
    text: str = served.key(f"Partnero clients {next(_numbers)}")
    return text


class TestPythonSDK:
    @pytest.fixture
    def webhook(self, served, key):
        sdk = PartneroClient(key)
        sdk.webhook.base_url = f"{served.url}/v1/"
        yield sdk.webhook
        sdk.webhook.session.close()

    def test_it_creates_fetches_updates_lists_and_deletes(self, webhook):
        made = webhook.create_webhook("Demo", URL, ["partner.created"])
        assert made["status"] == 1
        key = made["data"]["key"]
        assert webhook.fetch_webhook(key) == made

        updated = webhook.update_webhook(key, name="Demo 2", is_active=False)
        assert updated["data"] == {**made["data"], "name": "Demo 2", "is_active": False}
        assert webhook.update_webhook(key) == updated

        # The example of its README asks for five.
        assert webhook.list_webhooks(limit=5)["data"] == [updated["data"]]
        assert webhook.delete_webhook(key) == {"status": 1}
        assert webhook.list_webhooks()["data"] == []

    def test_it_reads_why_it_was_refused(self, webhook):
        with pytest.raises(PartneroAPIException) as refused:
            webhook.fetch_webhook("none")
        assert (refused.value.status_code, refused.value.message) == (
            404,
            "Webhook not found.",
        )
        with pytest.raises(PartneroAPIException) as refused:
            webhook.create_webhook("Demo", URL, ["order_placed"])
        assert (refused.value.status_code, refused.value.message) == (
            422,
            "The selected events.0 is invalid.",
        )

    def test_it_is_told_that_its_key_is_wrong(self, served):
        sdk = PartneroClient("wrong")
        sdk.webhook.base_url = f"{served.url}/v1/"
        with pytest.raises(PartneroAPIException) as refused:
            sdk.webhook.list_webhooks()
        sdk.webhook.session.close()
        assert (refused.value.status_code, refused.value.message) == (
            401,
            "Unauthenticated.",
        )


class TestPHPSDK:
    @pytest.fixture
    def call(self, served, key):
        def call(method, path, body):
            response = requests.request(
                method,
                f"{served.url}/v1/{path}",
                headers={
                    "Authorization": f"Bearer {key}",
                    "Accept": "application/json",
                    "Content-Type": "application/json",
                },
                data=body,
                timeout=PATIENCE,
            )
            # It takes anything else for no JSON.
            assert response.headers["Content-Type"] == "application/json"
            return response

        return call

    def test_it_pages_by_bodies_and_sends_empty_arrays(self, call):
        assert call("GET", "test", "[]").json()["status"] == 1
        webhook = json.dumps({"name": "Demo", "url": URL, "events": ["lead.submitted"]})
        keys = [call("POST", "webhooks", webhook).json()["data"]["key"] for _ in "ab"]

        page = call("GET", "webhooks", '{"limit":50,"page":1}').json()
        assert [each["key"] for each in page["data"]] == keys[::-1]
        assert page["meta"]["per_page"] == 50
        assert call("GET", "webhooks", "[]").json()["meta"]["per_page"] == 10

        one = f"webhooks/{keys[0]}"
        assert call("GET", one, "[]").json()["data"]["key"] == keys[0]
        assert call("DELETE", one, "[]").json() == {"status": 1}
        assert call("DELETE", one, "[]").json()["message"] == "Webhook not found."
        errors = call("POST", "webhooks", "{}").json()["errors"]
        assert list(errors) == ["name", "url", "events"]


def test_a_client_that_follows_links_sees_every_webhook_once(served, key):
    headers = {"Authorization": f"Bearer {key}"}
    address = f"{served.url}/v1/webhooks"
    for number in range(12):
        body = {"name": str(number), "url": URL, "events": ["partner.created"]}
        made = requests.post(address, json=body, headers=headers, timeout=PATIENCE)
        assert made.status_code == 200

    names = []
    following = f"{address}?limit=11"
    while following:
        page = requests.get(following, headers=headers, timeout=PATIENCE).json()
        names += [each["name"] for each in page["data"]]
        following = page["links"]["next"]
    assert names == [str(number) for number in reversed(range(12))]


def test_the_requests_of_its_page_succeed(served, key):
    webhook = ""
    statuses = []
    for line in documented.curl_lines("partnero.md"):
        response = documented.send(line, PORTAL=served.url, KEY=key, WEBHOOK=webhook)
        statuses.append(response.status_code)
        if not webhook:
            webhook = response.json()["data"]["key"]
    assert statuses == [200] * 6
