"""A small soak, on the database of this run; `make soak` is the whole of it."""

import pytest
from django.db import connection

from tests.programs import ends_well

from . import cluster


@pytest.mark.alone
@pytest.mark.django_db  # the soak's own database is of the same engine
def test_nothing_is_lost_whatever_is_killed():
    if connection.vendor == "postgresql":
        try:
            cluster.programs()  # it is a cluster of its own
        except cluster.NoPostgreSQL as reason:
            pytest.skip(str(reason))
    database = f"--database={connection.vendor}"
    ends_well("tests.soak", database, "--events=300", "--seed=1")
