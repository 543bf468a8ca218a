"""A small abuse soak, on the database of this run; `make abuse` is the whole of it."""

import pytest
from django.db import connection

from tests.programs import ends_well


@pytest.mark.alone
@pytest.mark.django_db  # the soak's own database is of the same engine
def test_nobody_stops_the_portal_for_others():
    # Everybody is answered and nothing is lost. How long it takes is `make abuse`'s to say.
    database = f"--database={connection.vendor}"
    ends_well("tests.abuse", database, "--seconds=6", "--sockets=50", "--most=inf")
