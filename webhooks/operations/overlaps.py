"""For how long what is replaced holds beside what replaces it."""

from datetime import timedelta

DEFAULT = timedelta(hours=24)
MAX = timedelta(days=7)


class OutOfRange(Exception):
    """An overlap is from nothing to MAX."""


def check(overlap: timedelta) -> None:
    """Raises OutOfRange."""
    if not timedelta(0) <= overlap <= MAX:
        raise OutOfRange(overlap)
