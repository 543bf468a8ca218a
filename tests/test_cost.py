"""What a delivery, a GET and a publish cost in bytecodes and instructions (benchmarks/cost)."""

import pytest

from benchmarks.cost import counts, figures

pytestmark = [pytest.mark.once, pytest.mark.optional]
COMMITTED = figures.read()


@pytest.mark.skipif(
    bool(counts.foreign_language(COMMITTED)), reason=counts.foreign_language(COMMITTED)
)
def test_bytecodes_are_those_of_the_committed_figures():
    found = figures.changes("bytecodes", counts.bytecodes(), COMMITTED.bytecodes)

    assert not [str(change) for change in found if not change.is_within]


@pytest.mark.skipif(
    bool(counts.foreign_build(COMMITTED)), reason=counts.foreign_build(COMMITTED)
)
def test_instructions_are_those_of_the_committed_figures():
    found = figures.changes(
        "instructions", counts.instructions(), COMMITTED.instructions
    )

    assert not [str(change) for change in found if not change.is_within]


def test_five_per_cent_is_the_most_that_a_part_may_change():
    found = figures.changes(
        "bytecodes",
        {"same": 1000, "more": 1051, "less": 949, "new": 10, "near": 1049},
        {"same": 1000, "more": 1000, "less": 1000, "old": 10, "near": 1000},
    )

    assert {c.part for c in found if not c.is_within} == {"more", "less", "new", "old"}
