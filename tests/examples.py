"""How many examples a property is tried with, where each example asks the database."""

import os

from hypothesis import HealthCheck, settings

# tests/run.sh sets it where it runs both databases: each then tries half of the examples.
HALF = os.environ.get("TEST_HALF_EXAMPLES") == "true"


def examples(number: int) -> settings:
    """`number` examples on all databases together; fixtures are made once for them all."""
    return settings(
        max_examples=-(-number // 2) if HALF else number,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            # A test that classes inherit runs once for each of them, as it should.
            HealthCheck.differing_executors,
        ],
    )
