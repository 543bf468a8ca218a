from typing import Any

import pytest
from django.test import Client

from tests import factories
from tests.openapi.calls import Answer, Caller


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
    """A partner with two keys that a call may name, and a delivery."""
    partner = factories.partner()
    key, text = factories.key(partner)
    for _ in range(2):
        factories.key(partner)
    _, publisher = factories.key(None)
    caller = Caller(send, str(partner.id), str(key.id), text, publisher)
    caller.publish()
    return caller
