from typing import Any

import pytest
import requests
from django.test import Client

from tests import factories
from tests.openapi.calls import Answer, Caller
from tests.served import Served
from tests.waiting import PATIENCE


def send(method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
    """A request to the portal in this process."""
    content_type = headers.get("Content-Type", "application/octet-stream")
    response: Any = Client().generic(
        method, path, body or b"", content_type=content_type, headers=headers
    )
    return Answer(
        response.status_code, response.headers.get("Content-Type", ""), response.content
    )


@pytest.fixture
def caller(db: None) -> Caller:
    partner = factories.partner()
    key, text = factories.key(partner)
    _, publisher = factories.key(None)
    spare, _ = factories.key(partner)
    caller = Caller(send, str(partner.id), str(key.id), str(spare.id), text, publisher)
    caller.furnish()
    return caller


@pytest.fixture(scope="session")
def served_caller(served: Served) -> Caller:
    """One that calls a portal behind a real socket."""
    return _served_caller(served, "Documented calls")


@pytest.fixture(scope="session")
def fuzzing_caller(served: Served) -> Caller:
    """Another partner's: fuzzing replaces and revokes keys, whichever it finds."""
    return _served_caller(served, "Fuzzing")


def _served_caller(served: Served, partner: str) -> Caller:
    def send(
        method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> Answer:
        found = requests.request(
            method, served.url + path, headers=headers, data=body, timeout=PATIENCE
        )
        content_type = found.headers.get("Content-Type", "")
        return Answer(found.status_code, content_type, found.content)

    key = served.issue(partner, "--create")
    spare = served.issue(partner)
    publisher = served.issue("--publisher")
    return Caller(
        send,
        key["partner_id"],
        key["key_id"],
        spare["key_id"],
        key["key"],
        publisher["key"],
    )
