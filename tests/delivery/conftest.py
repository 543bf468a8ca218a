from asyncio.selector_events import BaseSelectorEventLoop

import pytest

from tests.delivery.internet import Internet


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    """Names and addresses of a test's own; nothing leaves the machine."""
    world = Internet(BaseSelectorEventLoop.sock_connect)
    monkeypatch.setattr(
        BaseSelectorEventLoop,
        "sock_connect",
        lambda loop, sock, address: world.sock_connect(loop, sock, address),
    )
    return world
