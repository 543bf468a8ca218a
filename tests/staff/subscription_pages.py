"""Where the pages on subscriptions are, and what one shows."""

from django.test import Client

from webhooks.models import Subscription

LIST = "/staff/subscriptions/"
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


def address(subscription: Subscription, *act: str) -> str:
    return "/".join([f"{LIST}{subscription.pk}", *act, ""])


def shown(client: Client, subscription: Subscription, query: str = "") -> str:
    response = client.get(address(subscription) + query)
    assert response.status_code == 200
    return response.content.decode()
