"""Repeats that arrive at once, over a real socket: the database decides which is first."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.waiting import PATIENCE

AT_ONCE = 8


@pytest.fixture
def at_once(served):
    def at_once(path, body, key):
        def post(_):
            return requests.post(
                f"{served.url}/api/portal/v1/{path}",
                json=body,
                headers={
                    "Authorization": f"Bearer {key}",
                    "Idempotency-Key": "the-same",
                },
                timeout=PATIENCE,
            )

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(post, range(AT_ONCE)))

    return at_once


def assert_once(responses, status):
    assert {r.status_code for r in responses} == {status}, responses[0].text
    assert len({r.text for r in responses}) == 1
    replayed = [r for r in responses if r.headers.get("Idempotent-Replayed") == "true"]
    assert len(replayed) == AT_ONCE - 1


def test_one_event_is_published(served, at_once):
    partner = served.issue("Repeaters", "--create")["partner_id"]
    publisher = served.issue("--publisher")["key"]
    body = {"partner": partner, "type": "customer.created", "data": {}}
    assert_once(at_once("events", body, publisher), 202)


def test_one_subscription_is_created(served, at_once):
    key = served.issue("Repeaters", "--create")["key"]
    body = {"url": "https://receiver.example.com/hook"}
    assert_once(at_once("subscriptions", body, key), 201)
