"""Where a key and an address are read from."""

import pytest
from django.test import RequestFactory

from webhooks.rest import caller


def request(**meta):
    return RequestFactory().get("/", **meta)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Bearer abc", "abc"),
        ("bEARER   abc ", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
    ],
)
def test_it_reads_a_bearer_header(header, expected):
    assert caller.bearer(request(HTTP_AUTHORIZATION=header)) == expected


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
    assert caller.client_ip(asked) == expected


def test_it_says_nothing_without_an_address():
    assert caller.client_ip(request(REMOTE_ADDR="")) is None
