"""The parts of one attempt whose time is kept: the look-up of the name, and the connection."""

from dataclasses import dataclass


@dataclass(slots=True)
class Timing:
    """Seconds; None for a part that the attempt did not need."""

    lookup: float | None = None
    """The look-up of the name. None if the URL has an address."""
    connect: float | None = None
    """Opening a connection, with TLS and with addresses that did not answer. None if an
    open one was used again."""
