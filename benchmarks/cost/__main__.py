"""`python -m benchmarks.cost [--write]` counts what a delivery and a request cost, and
compares with the committed figures, or replaces them.

Fails when a part costs 5 % more or less than its figure. Then find out why; if that is how it
shall be, commit the new figures with the change, and say why there.
"""

import sys

from . import counts, figures
from .figures import Figures


def main(*, writes: bool) -> int:
    if writes:
        figures.write(
            Figures(
                counts.language(),
                counts.bytecodes(),
                counts.build(),
                counts.instructions(),
            )
        )
        return 0
    committed = figures.read()
    found: list[figures.Change] = []
    if why := counts.foreign_language(committed):
        print(f"Bytecodes are not compared: {why}")
    else:
        found += figures.changes("bytecodes", counts.bytecodes(), committed.bytecodes)
    if why := counts.foreign_build(committed):
        print(f"Instructions are not compared: {why}")
    else:
        found += figures.changes(
            "instructions", counts.instructions(), committed.instructions
        )
    print(f"{'counted':>12} {'committed':>12} {'change':>8}")
    print(*found, sep="\n")
    return int(not all(change.is_within for change in found))


if __name__ == "__main__":
    sys.exit(main(writes="--write" in sys.argv[1:]))
