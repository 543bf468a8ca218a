"""Calls of Blaze, by a partner with a key."""

from datetime import UTC, datetime

import pytest

from tests import factories
from tests.dialects.calls import Call
from webhooks.models import Subscription

MANY = "/api/v1/partner/webHooks"
URL = "https://receiver.example.com/hook"
OTHER = "https://receiver.example.com/other"
NOW = datetime(2026, 11, 21, 2, 0, 0, 123456, tzinfo=UTC)
NOW_MS = 1795226400123
FIELDS = [
    "id",
    "companyId",
    "shopId",
    "created",
    "modified",
    "deleted",
    "updated",
    "url",
    "webHookType",
    "webHookUrls",
]


def stored(shown) -> Subscription:
    return Subscription.objects.get(public_id=shown["id"])


def refused(response):
    """The body of a 400, whose fixed members are checked."""
    assert response.status_code == 400, response.content
    body = response.json()
    assert list(body) == ["error", "message", "status", "field"]
    assert (body["error"], body["status"]) == ("Invalid argument", 400)
    return body


class BlazeCalls:
    @pytest.fixture
    def partner(self, db):
        return factories.partner()

    @pytest.fixture
    def key(self, partner):
        return factories.key(partner)[1]

    @pytest.fixture
    def send(self, client, key):
        """Sends one request with the partner's key; a body goes as JSON."""

        def send(method, path, body=None, *, key=key, **options):
            headers = {"x-api-key": key} if key else {}
            headers |= options.pop("headers", {})
            return Call(method, path, body, **options).send(client, headers)

        return send

    @pytest.fixture
    def create(self, send):
        def create(**fields):
            response = send("POST", MANY, {"webHookUrls": [URL], **fields})
            assert response.status_code == 200, response.content
            return response.json()

        return create
