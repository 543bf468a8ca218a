"""Requests without a valid key: counted by address, and refused before they cost much."""

import json
import re
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import factories
from tests.rest.test_every_operation import operations
from webhooks.console.client_address import client_network
from webhooks.models import ApiKey, keyformat
from webhooks.models.stored_answers import Answer
from webhooks.rest import interfaces, throttling
from webhooks.rest.caller import KeyAuthentication

LIMIT = 3
UNKNOWN = keyformat.generate().text
MALFORMED = UNKNOWN[:-1] + ("0" if UNKNOWN[-1] != "0" else "1")
NAMES = ["none", "empty", "short", "malformed", "unknown"]


@pytest.fixture(autouse=True)
def limit(settings, one_moment, db) -> int:
    cache.clear()
    settings.API_RATE_WITHOUT_KEY = LIMIT
    return LIMIT


def one_operation_each() -> list[Any]:
    """One of each way to send a key: of each interface, and of each kind of key."""
    found = {(each[1].split("/")[1:4][-1], each[2]): each for each in operations()}
    assert len(found) >= len(interfaces.all())
    return list(found.values())


EACH = pytest.mark.parametrize(
    ("method", "path", "authentication"), one_operation_each()
)


def call(
    method: str,
    path: str,
    authentication: type[KeyAuthentication],
    text: str | None,
    **more: Any,
) -> Any:
    client = Client(raise_request_exception=True)
    headers = {} if text is None else dict([authentication.header(text)])
    return client.generic(method, re.sub("<[^>]+>", "x", path), headers=headers, **more)


def valid_key(authentication: type[KeyAuthentication]) -> str:
    is_publishers = authentication.kind == ApiKey.Kind.PUBLISHER
    return factories.key(None if is_publishers else factories.partner())[1]


@EACH
@pytest.mark.parametrize("text", [None, "", "x", MALFORMED, UNKNOWN], ids=NAMES)
def test_an_address_without_a_valid_key_waits_in_the_interface_s_shape(
    method, path, authentication, text
) -> None:
    answers = [call(method, path, authentication, text) for _ in range(LIMIT + 2)]

    assert 429 not in [answer.status_code for answer in answers[:LIMIT]]
    for answer in answers[LIMIT:]:
        assert answer.status_code == 429
        assert 1 <= int(answer["Retry-After"]) <= 60
        assert answer["Content-Type"] == answers[0]["Content-Type"]
        assert isinstance(json.loads(answer.content), dict)


@EACH
def test_a_valid_key_is_never_refused_because_of_others(
    method, path, authentication
) -> None:
    key = valid_key(authentication)
    before = call(method, path, authentication, key)
    for text in [UNKNOWN, MALFORMED, None] * LIMIT:
        call(method, path, authentication, text)

    after = call(method, path, authentication, key)

    assert after.status_code == before.status_code
    assert after.status_code not in (401, 429)


@EACH
def test_a_valid_key_costs_neither_a_query_nor_a_count(
    method, path, authentication, monkeypatch, settings
) -> None:
    key = valid_key(authentication)
    call(method, path, authentication, key)  # notes when the key was last used
    queries = []
    for limit in (0, LIMIT):
        settings.API_RATE_WITHOUT_KEY = limit
        with CaptureQueriesContext(connection) as captured:
            call(method, path, authentication, key)
        queries.append(len(captured))

        def counted(*args: Any, **kwargs: Any) -> None:
            raise AssertionError("A valid key was counted.")

        monkeypatch.setattr(throttling, "spend_without_key", counted)
        monkeypatch.setattr(throttling, "left_without_key", counted)

    assert queries[0] == queries[1]


@EACH
@pytest.mark.parametrize("text", [None, "", "x", MALFORMED], ids=NAMES[:4])
def test_what_is_no_key_costs_no_query(
    method, path, authentication, text, django_assert_num_queries
) -> None:
    with django_assert_num_queries(0):
        for _ in range(LIMIT + 2):
            call(method, path, authentication, text)


@EACH
def test_a_key_that_nobody_has_costs_one_query_also_over_the_limit(
    method, path, authentication, django_assert_num_queries
) -> None:
    """A valid one is served from every address, and only the database knows which is."""
    for _ in range(LIMIT + 2):
        with django_assert_num_queries(1):
            call(method, path, authentication, UNKNOWN)


class Unread:
    """A body that fails the test when it is read."""

    def read(self, *args: Any) -> bytes:
        raise AssertionError("The body was read.")

    readline = read


@EACH
def test_over_the_limit_the_body_of_a_stranger_is_not_read(
    method, path, authentication
) -> None:
    for _ in range(LIMIT + 1):
        call(method, path, authentication, None)

    answer = call(
        method, path, authentication, None,
        **{"wsgi.input": Unread(), "CONTENT_LENGTH": "1000"},
    )  # fmt: skip

    assert answer.status_code == 429


@pytest.mark.parametrize("interface", interfaces.all(), ids=lambda each: each.slug)
def test_unknown_paths_count_too(interface) -> None:
    path = f"/{interface.prefix}/no/such/path"
    found = [Client().get(path).status_code for _ in range(LIMIT + 1)]
    assert found == [404] * LIMIT + [429]
    (authentication,) = interface.unrouted.authentication_classes
    for owner in (factories.partner(), None):
        text = factories.key(owner)[1]
        assert call("GET", path, authentication, text).status_code == 404


@pytest.mark.parametrize("interface", interfaces.all(), ids=lambda each: each.slug)
def test_no_interface_looks_at_the_password_of_a_member_of_staff(interface) -> None:
    User.objects.create_superuser("ann", password="correct horse")
    basic = b64encode(b"ann:correct horse").decode()
    paths = [f"{interface.prefix}/no/such/path", str(interface.documented[0].pattern)]
    for path in [re.sub("<[^>]+>", "x", each) for each in paths]:
        for method in ("GET", "POST", "PUT"):
            client = Client(headers={"Authorization": f"Basic {basic}"})
            with CaptureQueriesContext(connection) as captured:
                assert client.generic(method, f"/{path}").status_code in (
                    401,
                    404,
                    405,
                    429,
                )
            assert not [q for q in captured if "auth_user" in q["sql"]]


def me(ip: str) -> int:
    return int(Client(REMOTE_ADDR=ip).get("/api/portal/v1/me").status_code)


def test_each_address_is_counted_for_itself() -> None:
    for _ in range(LIMIT + 1):
        me("192.0.2.1")
    assert me("192.0.2.1") == 429
    assert me("192.0.2.2") == 401


def test_the_addresses_of_one_line_are_counted_together() -> None:
    for n in range(LIMIT + 1):
        me(f"2001:db8:0:1::{n}")
    assert me("2001:db8:0:1:ffff::") == 429
    assert me("2001:db8:0:2::") == 401


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::"),
        ("", None),
    ],
)
def test_what_an_address_is_counted_by(address, network) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=address)
    assert client_network(request) == network


def test_it_is_the_address_that_the_proxy_tells(settings) -> None:
    settings.TRUSTED_PROXIES = 1
    path, proxy = "/api/portal/v1/me", "10.0.0.1"
    for _ in range(LIMIT + 1):
        client = Client(REMOTE_ADDR=proxy, headers={"X-Forwarded-For": "192.0.2.1"})
        client.get(path)
    assert client.get(path).status_code == 429
    other = Client(REMOTE_ADDR=proxy, headers={"X-Forwarded-For": "192.0.2.2"})
    assert other.get(path).status_code == 401


def test_all_addresses_together_hold_a_fixed_number_of_counters() -> None:
    names = {throttling._counter(f"2001:db8:{n:x}::") for n in range(20_000)}
    assert len(names) <= throttling.COUNTERS


def test_requests_at_the_same_time_are_all_counted() -> None:
    now = timezone.now()

    def spend(_: int) -> int:
        allowance = throttling.spend_without_key("192.0.2.1", now=now)
        assert allowance
        return allowance.used

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(spend, range(400))) == [*range(1, 401)]


def test_nobody_is_refused_while_the_cache_is_away(settings, caplog) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:9/0",
        }
    }
    assert {me("192.0.2.1") for _ in range(LIMIT + 3)} == {401}
    assert "not counted" in caplog.text


def test_no_limit_counts_nothing(settings) -> None:
    settings.API_RATE_WITHOUT_KEY = 0
    assert {me("192.0.2.1") for _ in range(LIMIT + 3)} == {401}


def test_who_has_a_key_without_the_scope_is_not_a_stranger() -> None:
    _, text = factories.key(factories.partner(), scopes=["webhooks:read"])
    headers = {"Authorization": f"Bearer {text}"}
    path = "/api/portal/v1/subscriptions"
    found = {Client().post(path, headers=headers).status_code for _ in range(LIMIT + 3)}
    assert found == {403}


@pytest.mark.parametrize("text", [None, "", "x", MALFORMED, UNKNOWN], ids=NAMES)
def test_without_a_valid_key_no_answer_is_kept_for_an_idempotency_key(text) -> None:
    for n, (method, path, authentication) in enumerate(operations()):
        more = {"HTTP_IDEMPOTENCY_KEY": f"k-{n}", "content_type": "application/json"}
        call(method, path, authentication, text, data=b"{}", **more)
    assert not Answer.objects.exists()


def test_guesses_of_the_token_of_the_metrics_are_counted(settings) -> None:
    settings.METRICS_TOKEN = "t" * 40
    wrong = {"Authorization": "Bearer x"}
    found = [Client().get("/metrics", headers=wrong) for _ in range(LIMIT + 1)]
    assert [each.status_code for each in found] == [401] * LIMIT + [429]
    assert int(found[-1]["Retry-After"]) >= 1
    right = {"Authorization": f"Bearer {settings.METRICS_TOKEN}"}
    assert Client().get("/metrics", headers=right).status_code == 200
