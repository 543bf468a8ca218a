"""From which address a browser, or a caller, comes."""

import pytest
from django.test import RequestFactory

from webhooks.console.actor import client_ip


def request(**meta):
    return RequestFactory().get("/", **meta)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "", "192.0.2.1"),
        (0, "198.51.100.9", "192.0.2.1"),
        (1, "198.51.100.9", "198.51.100.9"),
        (1, "203.0.113.5, 198.51.100.9", "198.51.100.9"),
        (2, "203.0.113.5, 198.51.100.9", "203.0.113.5"),
        (2, "198.51.100.9", "192.0.2.1"),
        (1, "", None),
        (1, "not an address", None),
        (1, "2001:DB8::1", "2001:db8::1"),
    ],
)
def test_it_believes_as_many_proxies_as_there_are(
    settings, proxies, forwarded, expected
):
    settings.TRUSTED_PROXIES = proxies
    asked = request(REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_ip(asked) == expected


def test_it_says_nothing_without_an_address():
    assert client_ip(request(REMOTE_ADDR="")) is None
