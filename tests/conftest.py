"""Fixtures that several rooms share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.template import engines

from tests.authority import Authority
from tests.receiver import Receiver
from tests.served import Served, running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks on 127.0.0.1, by plain http."""
    with Receiver() as running:
        yield running


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def secure_receiver(authority: Authority) -> Iterator[Callable[[str], Receiver]]:
    """Starts a receiver that speaks TLS, by the kind of its certificate."""
    with ExitStack() as stack:
        yield lambda kind: stack.enter_context(Receiver(authority.server(kind)))


@pytest.fixture
def templates_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """For pages of unfold and DRF, which reach for variables that are not always there."""
    engine: Any = engines["django"]
    monkeypatch.setattr(engine.engine, "string_if_invalid", "")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A portal in another process, behind a real socket."""
    with running(tmp_path_factory.mktemp("served")) as portal:
        yield portal
