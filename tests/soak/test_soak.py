"""A small soak, on the database of this run; `make soak` is the whole of it."""

import pytest
from django.db import connection

from tests.programs import ends_well

from . import cluster


def has_cluster() -> None:
    """Skip where it cannot be made: a soak has one of its own."""
    try:
        cluster.programs()
    except cluster.NoPostgreSQL as reason:
        pytest.skip(str(reason))


@pytest.mark.alone
@pytest.mark.django_db  # the soak's own database is of the same engine
def test_nothing_is_lost_whatever_is_killed():
    if connection.vendor == "postgresql":
        has_cluster()
    database = f"--database={connection.vendor}"
    ends_well("tests.soak", database, "--events=300", "--seed=1")


@pytest.mark.alone
@pytest.mark.postgresql("SQLite has one process")
@pytest.mark.django_db
def test_nothing_is_lost_where_a_command_has_several_processes():
    has_cluster()
    options = ("--database=postgresql", "--processes=2", "--events=300", "--seed=2")
    ends_well("tests.soak", *options)
