"""`manage.py serve` and what it refuses by itself: an id, a record and the interface's shape."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.server.serving import Answer, Peer
from tests.waiting import eventually

from . import portal

# The server and its sockets: what is behind them is any database.
pytestmark = pytest.mark.once

CAPA = "/api/partner/v1/webhook-settings"
KEY = "whk_abcdefghij_0123456789abcdefghijABCDEFGHIJ01234567"
MANY = "X: y\n" * 101
PROXIED = "X-Request-Id: of-the-proxy-{}\nX-Forwarded-For: 10.6.6.6, 192.0.2.1\n"


@dataclass(frozen=True)
class Portal:
    port: int
    log: Path

    def ask(self, text: str) -> Answer:
        peer = Peer(self.port)
        try:
            peer.send(text)
            return peer.answer()
        finally:
            peer.close()

    def record(self, id: str) -> dict[str, Any]:
        """What the log has of the request of that id."""
        eventually(lambda: f'"{id}"' in self.log.read_text())
        lines = [
            each for each in self.log.read_text().splitlines() if f'"{id}"' in each
        ]
        found: dict[str, Any]
        [found] = [json.loads(line) for line in lines]
        return found


@pytest.fixture(scope="module")
def served(database_url, tmp_path_factory) -> Iterator[Portal]:
    log = tmp_path_factory.mktemp("refusals") / "log"
    with portal.serving(
        database_url=database_url,
        log=log,
        LOG_FORMAT="json",
        TRUSTED_PROXIES="1",
        WEB_REQUEST_SECONDS="1",
    ) as (port, _):
        yield Portal(port, log)


def test_a_slow_call_of_an_api_is_refused_in_its_shape_and_recorded(served):
    head = f"PUT {CAPA}?key={KEY} HTTP/1.1\nHost: localhost\n{PROXIED.format(1)}"
    answer = served.ask(f"{head}Content-Length: 100\n\n{{")
    assert answer.status == 408
    assert answer.json() == {
        "message": "The request came too slowly.",
        "statusCode": 408,
    }
    assert answer.headers["x-request-id"] == "of-the-proxy-1"
    found = served.record("of-the-proxy-1")
    assert found.pop("duration_ms") >= 1000
    process = ("time", "process", "process_name")
    assert {k: v for k, v in found.items() if k not in process} == {
        "level": "INFO",
        "logger": "webhooks.access",
        "message": f"PUT {CAPA} 408",
        "method": "PUT",
        "path": CAPA,
        "status": 408,
        "address": "192.0.2.1",
        "request_id": "of-the-proxy-1",
    }
    assert KEY not in served.log.read_text()


def test_what_is_not_known_is_empty_in_the_record(served):
    answer = served.ask("NONSENSE\n\n")
    assert (answer.status, answer.headers["cache-control"]) == (400, "no-store")
    assert answer.body == b"This is not a request of HTTP/1.1.\n"
    found = served.record(answer.headers["x-request-id"])
    assert (found["method"], found["path"], found["address"]) == ("", "", "127.0.0.1")
    assert found["message"] == "- - 400"


@pytest.mark.parametrize("path", ["/staff/", CAPA])
def test_a_path_is_cut_and_cleaned_as_in_every_record(served, path):
    sent = f"{path}/{KEY}/%0A%E2%80%AE/{'x' * 5000}"
    answer = served.ask(f"GET {sent} HTTP/1.1\nHost: x\n{PROXIED.format(path)}{MANY}\n")
    assert answer.status == 431
    found = served.record(answer.headers["x-request-id"])
    assert found["path"].startswith(f"{path}/whk_abcdefghij_[redacted]\n\u202e/xxx")
    assert len(found["path"]) <= 500
    assert found["address"] == "192.0.2.1"


def test_a_page_is_refused_in_plain_text(served):
    answer = served.ask(
        "POST /admin/login/ HTTP/1.1\nHost: x\nContent-Length: 9000000\n\n"
    )
    assert (answer.status, answer.headers["content-type"]) == (
        413,
        "text/plain; charset=utf-8",
    )
    assert served.record(answer.headers["x-request-id"])["status"] == 413
