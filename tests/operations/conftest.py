"""Endpoints of a partner, which each room of these tests makes in its own way."""

import pytest

from tests import factories
from tests.delivery.backlog import subscription
from tests.operations.notifications import OPS, URL
from webhooks.delivery.endpoint_notifications import Kind
from webhooks.models import Endpoint


@pytest.fixture
def blaze(partner) -> Endpoint:
    """An endpoint that is not the portal's own kind."""
    return factories.subscription(partner, "blaze", urls=[URL]).endpoints.get()


@pytest.fixture
def ops(partner) -> Endpoint:
    """Where the partner hears of everything that concerns its endpoints."""
    kinds = [kind.value for kind in Kind]
    return subscription(OPS, partner=partner, events=kinds).endpoints.get()
