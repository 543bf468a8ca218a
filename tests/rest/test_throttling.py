"""Requests per key and minute."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from webhooks.rest import throttling

NOW = datetime(2026, 11, 21, 12, 0, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


def wait(identity, now):
    allowance = throttling.spend(identity, now=now)
    return allowance.wait if allowance else None


def test_it_counts_each_caller_for_itself(settings):
    settings.API_RATE_PER_MINUTE = 2
    assert [wait("a", now=NOW) for _ in range(4)] == [None, None, 45, 45]
    assert wait("b", now=NOW) is None


def test_it_says_what_is_left_of_the_minute(settings):
    settings.API_RATE_PER_MINUTE = 2
    allowances = [throttling.spend("a", now=NOW) for _ in range(3)]
    assert [a.remaining for a in allowances] == [1, 0, 0]
    assert {(a.limit, a.reset) for a in allowances} == {(2, 45)}


def test_it_begins_anew_with_each_minute(settings):
    settings.API_RATE_PER_MINUTE = 1
    assert wait("a", now=NOW) is None
    assert wait("a", now=NOW) == 45
    assert wait("a", now=NOW + timedelta(seconds=44.5)) == 1
    assert wait("a", now=NOW + timedelta(seconds=45)) is None


def test_it_counts_nothing_when_switched_off(settings):
    settings.API_RATE_PER_MINUTE = 0
    assert {wait("a", now=NOW) for _ in range(100)} == {None}


def test_it_lets_a_request_pass_when_the_cache_forgot_its_count(settings, monkeypatch):
    settings.API_RATE_PER_MINUTE = 1
    wait("a", now=NOW)

    def evicted(name):
        raise ValueError

    monkeypatch.setattr(cache, "incr", evicted)
    assert wait("a", now=NOW) is None


def test_it_lets_requests_pass_while_the_cache_is_away(settings, caplog):
    # Nothing listens there; the cache is Redis's own client.
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:9/0",
        }
    }
    settings.API_RATE_PER_MINUTE = 1
    assert [throttling.spend("a", now=NOW) for _ in range(2)] == [None, None]
    assert "not counted" in caplog.text
