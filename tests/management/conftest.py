from collections.abc import Iterator

import pytest

from . import portal


@pytest.fixture(scope="module")
def database_url(tmp_path_factory) -> Iterator[str]:
    """A database of its own for the processes of a module, migrated."""
    with portal.fresh_database(tmp_path_factory.mktemp("database")) as url:
        done = portal.manage("migrate", "--verbosity", "0", database_url=url)
        assert done.returncode == 0, done.stderr
        yield url
