"""Fixtures that several rooms share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import time_machine
from django.db.backends.postgresql.operations import DatabaseOperations
from django.template import engines
from django.utils import timezone
from hypothesis import settings

from tests import skips
from tests.authority import Authority
from tests.management import portal
from tests.receiver import Receiver
from tests.served import Served, running

# By these a test asks the database, itself or in the processes that it starts.
DATABASE_FIXTURES = {
    "db",
    "transactional_db",
    "live_server",
    "database",
    "database_url",
    "served",
}

# How long an example takes says how busy the machine is; a test has its own time-out.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def _deletes(self: Any, style: Any, tables: list[str], **options: Any) -> list[str]:
    return [f"DELETE FROM {self.quote_name(table)}" for table in tables]


# After a test that commits, PostgreSQL takes 0.3 s to truncate our thirty tables, and a
# hundredth of that to delete the few rows in them.
DatabaseOperations.sql_flush = _deletes  # type: ignore[assignment]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(skips)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks no database is marked to run `once`, whichever databases there are."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if item.get_closest_marker("django_db") or DATABASE_FIXTURES & {*fixtures}:
            continue
        item.add_marker(pytest.mark.once)


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
def one_moment() -> Iterator[None]:
    """The clock stands still from here on, so that no minute ends within the test."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


@pytest.fixture
def templates_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """For pages of unfold and DRF, which reach for variables that are not always there."""
    engine: Any = engines["django"]
    monkeypatch.setattr(engine.engine, "string_if_invalid", "")


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database for processes that tests start; they share it."""
    with portal.fresh_database(tmp_path_factory.mktemp("database")) as url:
        done = portal.manage("migrate", "--verbosity", "0", database_url=url)
        assert done.returncode == 0, done.stderr
        yield url


@pytest.fixture(scope="session")
def served(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A portal in another process, behind a real socket."""
    with running(database_url, tmp_path_factory.mktemp("served") / "log") as found:
        yield found
