"""One event, published once, in the words of each subscriber: over HTTP in, by the real
worker out, to a real receiver."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
import stripe
from django.core.management import call_command

from tests import factories
from webhooks.models import SigningSecret, Subscription

pytestmark = pytest.mark.django_db(transaction=True)

OCCURRED = datetime(2026, 11, 21, 2, 0, 0, 123456, tzinfo=UTC)
CUSTOMER = {"id": 7, "email": "ann@example.com", "name": "Ann \N{SNOWMAN}"}


def send(client, method, path, body, **headers):
    response = client.generic(
        method,
        path,
        json.dumps(body),
        content_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    assert response.status_code in (200, 202), response.content
    return json.loads(response.content)


def arrived(receiver, path):
    (request,) = [r for r in receiver.requests if r.path == path]
    assert request.method == "POST"
    assert request.header("Content-Type") == "application/json"
    return request


def test_it_tells_every_subscriber_of_a_partner_in_its_own_words(client, receiver):
    partner = factories.partner()
    key, text = factories.key(partner)
    bearer = f"Bearer {text}"
    partnero = send(
        client,
        "POST",
        "/v1/webhooks",
        {
            "name": "CRM",
            "url": receiver.url("/partnero"),
            "events": ["customer.created"],
        },
        Authorization=bearer,
    )["data"]
    send(
        client,
        "POST",
        "/api/v1/partner/webHooks",
        {
            "webHookType": "NEW_CONSUMER_SIGNUP",
            "webHookUrls": [receiver.url("/blaze")],
        },
        x_api_key=text,
    )
    send(
        client,
        "PUT",
        f"/api/ApiKeys/{key.id}/webhook",
        {
            "id": str(key.id),
            "merchantId": str(partner.id),
            "webhookUrl": receiver.url("/topiic"),
            "webhookEvents": ["customer.created"],
            "webhookEnabled": True,
        },
        Authorization=bearer,
    )
    send(  # who listens to something else is left alone
        client,
        "POST",
        "/api/v1/partner/webHooks",
        {"webHookType": "NEW_MEMBER", "webHookUrls": [receiver.url("/members")]},
        x_api_key=text,
    )
    _, stranger = factories.key(factories.partner())
    send(
        client,
        "POST",
        "/v1/webhooks",
        {
            "name": "CRM",
            "url": receiver.url("/stranger"),
            "events": ["customer.created"],
        },
        Authorization=f"Bearer {stranger}",
    )

    publisher = f"Bearer {factories.key(None)[1]}"
    event = send(
        client,
        "POST",
        "/api/portal/v1/events",
        {
            "partner": str(partner.id),
            "type": "customer.created",
            "occurred_at": OCCURRED.isoformat(),
            "data": CUSTOMER,
        },
        Authorization=publisher,
    )
    assert event["matched"] == 3
    call_command("deliver", until_idle=True)

    assert len(receiver.requests) == 3
    request = arrived(receiver, "/partnero")
    assert json.loads(request.body) == {
        "event": "customer.created",
        "url": receiver.url("/partnero"),
        "webhook_key": partnero["key"],
        "created_at": "2026-11-21T02:00:00.123456Z",
        "data": CUSTOMER,
    }
    expected = hmac.new(partnero["signature"].encode(), request.body, hashlib.sha256)
    assert request.header("Signature") == expected.hexdigest()

    request = arrived(receiver, "/blaze")
    assert json.loads(request.body) == CUSTOMER
    assert not [name for name, _ in request.headers if "signature" in name.lower()]

    request = arrived(receiver, "/topiic")
    assert json.loads(request.body) == {
        "id": event["id"],
        "type": "customer.created",
        "createdAt": "2026-11-21T02:00:00.123Z",
        "data": CUSTOMER,
    }
    assert request.header("User-Agent") == "Topiic-Webhooks/1.0"
    assert request.header("Topiic-Event-Id") == event["id"]
    secret = SigningSecret.objects.get(
        subscription=Subscription.objects.get(dialect="topiic")
    )
    assert stripe.WebhookSignature.verify_header(
        request.body.decode(),
        request.header("Topiic-Signature"),
        secret.reveal(),
        tolerance=300,
    )

    seen = send(
        client,
        "GET",
        f"/api/portal/v1/events/{event['id']}",
        None,
        Authorization=publisher,
    )
    assert {
        (d["dialect"], d["state"], d["attempts"], d["last_status"])
        for d in seen["deliveries"]
    } == {
        ("partnero", "delivered", 1, 200),
        ("blaze", "delivered", 1, 200),
        ("topiic", "delivered", 1, 200),
    }
