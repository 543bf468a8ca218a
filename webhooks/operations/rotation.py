"""Rotation of a key or a secret: the old one stays valid beside the new one for an overlap."""

from datetime import datetime, timedelta

DEFAULT_OVERLAP = timedelta(hours=24)
MAX_OVERLAP = timedelta(days=7)


class OverlapOutOfRange(Exception):
    """An overlap is from nothing to MAX_OVERLAP."""


def check_overlap(overlap: timedelta) -> None:
    """Raises OverlapOutOfRange."""
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise OverlapOutOfRange(overlap)


def end(expires_at: datetime | None, *, of_overlap: datetime) -> datetime:
    """When the old one ends: with the overlap, or earlier if it would have anyway."""
    return min(expires_at or of_overlap, of_overlap)
