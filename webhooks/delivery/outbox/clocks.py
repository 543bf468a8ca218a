"""The clock of this host beside that of the database, by which deliveries are claimed."""

from datetime import UTC, datetime, timedelta

SAME_TIME = timedelta(seconds=0.25)
"""Clocks that differ by less count as equal: asking takes time too."""


def ahead_of(theirs: datetime) -> timedelta:
    """How far this host's clock is ahead of the database's, which has just told its time; one
    that is behind delays nothing."""
    ahead = datetime.now(UTC) - theirs
    return ahead if ahead > SAME_TIME else timedelta(0)
