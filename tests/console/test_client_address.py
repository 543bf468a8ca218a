"""From which address a request comes, and by which scheme, for everybody who asks."""

import pytest
from axes.models import AccessAttempt
from django.conf import settings as project
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils.module_loading import import_string

from tests import factories
from webhooks.console.client_address import (
    ClientAddress,
    client_ip,
    client_network,
    parse,
)
from webhooks.models import AuditEntry

PEER = "192.0.2.1"


def arrived(**meta):
    """The request as a view sees it."""
    seen = []
    answer = ClientAddress(lambda request: seen.append(request) or HttpResponse())
    answer(RequestFactory().get("/", **{"REMOTE_ADDR": PEER, **meta}))
    return seen[0]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "", PEER),
        (0, "198.51.100.9", PEER),
        (1, "198.51.100.9", "198.51.100.9"),
        (1, "203.0.113.5, 198.51.100.9", "198.51.100.9"),
        (2, "203.0.113.5, 198.51.100.9", "203.0.113.5"),
        (2, "10.0.0.1,203.0.113.5 ,198.51.100.9", "203.0.113.5"),
        (2, "198.51.100.9", PEER),
        (1, "", PEER),
        (1, ",", PEER),
        (1, "not an address", PEER),
        (1, "198.51.100.9, unknown", PEER),
        (1, "[2001:DB8::1]:443", "2001:db8::1"),
    ],
)
def test_it_believes_as_many_proxies_as_there_are(
    settings, proxies, forwarded, expected
):
    settings.TRUSTED_PROXIES = proxies
    assert client_ip(arrived(HTTP_X_FORWARDED_FOR=forwarded)) == expected


@pytest.mark.parametrize("peer", ["", "unix:", "\x00"])
def test_it_says_nothing_without_an_address(settings, peer):
    for settings.TRUSTED_PROXIES in (0, 1):
        assert client_ip(arrived(REMOTE_ADDR=peer)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1:443 ", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:443", "fe80::1"),
        ("fe80::1%'; --\n", "fe80::1"),
        ("192.0.2.01", None),
        ("192.0.2.256", None),
        ("2001:db8::1:443:", None),
        ("localhost:80", None),
        ("[", None),
        ("_hidden", None),
        ("", None),
    ],
)
def test_it_reads_addresses_as_proxies_write_them(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "https", "http"),
        (1, "https", "https"),
        (1, "HTTPS", "https"),
        (1, "http", "http"),
        (1, "https, http", "http"),  # a client's, to which the proxy appended
        (1, "https,http", "http"),
        (2, "https, http", "https"),  # TLS ends at the outer one
        (2, "https", "https"),
        (1, "", "http"),
        (1, "ftp", "http"),
        (1, "https,", "http"),
    ],
)
def test_the_scheme_comes_from_the_same_proxies(settings, proxies, forwarded, expected):
    settings.TRUSTED_PROXIES = proxies
    request = arrived(HTTP_X_FORWARDED_PROTO=forwarded)
    assert request.scheme == expected
    assert request.is_secure() == (expected == "https")


def test_an_unencrypted_hop_is_no_secure_request(settings):
    settings.TRUSTED_PROXIES = 1
    request = arrived(HTTP_X_FORWARDED_PROTO="http", **{"wsgi.url_scheme": "https"})
    assert not request.is_secure()


@pytest.mark.parametrize("proxies", [0, 1])
def test_what_proxies_told_is_left_to_nobody_else(settings, proxies):
    settings.TRUSTED_PROXIES = proxies
    request = arrived(HTTP_X_FORWARDED_FOR="10.0.0.1", HTTP_X_FORWARDED_PROTO="https")
    assert not [name for name in request.META if "FORWARDED" in name]
    assert not [name for name in request.headers if "forwarded" in name.lower()]


def test_it_comes_before_everything_that_asks():
    assert project.MIDDLEWARE[0] == "webhooks.console.client_address.ClientAddress"
    # Each would decide it a second time, by rules of its own.
    assert import_string(project.AXES_CLIENT_IP_CALLABLE) is client_network
    assert project.SECURE_PROXY_SSL_HEADER is None


@pytest.mark.django_db
class TestEverybodyAsksHere:
    """Behind one proxy, with an address that the client made up before it."""

    @pytest.fixture(autouse=True)
    def behind_a_proxy(self, settings):
        settings.TRUSTED_PROXIES = 1

    def client(self, address: str) -> Client:
        return Client(
            REMOTE_ADDR="10.0.0.1",
            headers={"X-Forwarded-For": f"203.0.113.99, {address}"},
        )

    @pytest.mark.usefixtures("templates_of_others")
    def test_the_login_counts_by_it(self):
        User.objects.create_superuser("ann", password="correct horse")
        form = {"username": "ann", "password": "guess"}
        for _ in range(5):
            last = self.client("198.51.100.1").post("/admin/login/", form)
        assert last.status_code == 429
        assert {each.ip_address for each in AccessAttempt.objects.all()} == {
            "198.51.100.1"
        }

        form["password"] = "correct horse"
        elsewhere = self.client("198.51.100.2").post("/admin/login/", form)
        assert elsewhere.status_code == 302

    def test_audit_entries_have_it(self):
        _, key = factories.key(factories.partner())
        response = self.client("198.51.100.1").put(
            "/api/partner/v1/webhook-settings",
            {"url": "https://example.com/hook"},
            content_type="application/json",
            headers={"partner-api-key": key},
        )
        assert response.status_code == 200
        assert AuditEntry.objects.filter(ip="198.51.100.1").exists()
