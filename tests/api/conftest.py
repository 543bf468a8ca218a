"""A partner and its key, for tests of the portal's own API."""

import pytest
from django.core.cache import cache

from tests import factories
from tests.api.calls import call


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


@pytest.fixture
def partner():
    return factories.partner()


@pytest.fixture
def event(partner):
    return {"partner": str(partner.id), "type": "customer.created", "data": {"id": 7}}


@pytest.fixture
def key(partner):
    return factories.key(partner, name="CRM")[1]


@pytest.fixture
def send(client, key):
    """Requests with the partner's key, unless another is given."""

    def send(method, path, body=None, *, key=key, **headers):
        return call(client, method, path, body, key=key, **headers)

    return send
