"""Calls of Partnero, by a partner with a key."""

from datetime import UTC, datetime

import pytest

from tests import factories
from tests.dialects.calls import Call
from webhooks.models import Subscription

MANY = "/v1/webhooks"
HERE = "http://testserver/v1/webhooks"
URL = "https://webhook.site/e68d154a-ad82-4ddd-9b05-622ec1577638"
DEMO = {"name": "Demo", "url": URL, "events": ["partner.created"]}
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
FIELDS = ["key", "name", "url", "is_active", "signature", "events"]
REQUIRED = {
    name: [f"The {name} field is required."] for name in ("name", "url", "events")
}


def failure(message, **members):
    return {"message": message, **members, "status": 0}


def invalid(**errors):
    """The body of a 422 with one message a field, in the order given."""
    first, more = next(iter(errors.values())), len(errors) - 1
    ending = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
    return failure(first + ending, errors={k: [v] for k, v in errors.items()})


def stored(shown) -> Subscription:
    return Subscription.objects.get(public_id=shown["key"], dialect="partnero")


class PartneroCalls:
    @pytest.fixture(autouse=True)
    def _host(self, settings):
        settings.ALLOWED_HOSTS = ["testserver"]

    @pytest.fixture
    def partner(self, db):
        return factories.partner()

    @pytest.fixture
    def send(self, client, partner):
        """Sends one request with the partner's key; a body goes as JSON."""
        _, own = factories.key(partner)

        def send(method, path, body=None, *, key=own, **options):
            headers = {"Authorization": f"Bearer {key}"}
            return Call(method, path, body, **options).send(client, headers)

        return send

    @pytest.fixture
    def create(self, send):
        def create(**fields):
            response = send("POST", MANY, {**DEMO, **fields})
            assert response.status_code == 200, response.content
            return response.json()["data"]

        return create
