"""What became of an attempt: the words that are stored, and those a partner may read."""

from dataclasses import dataclass
from enum import StrEnum

UNREACHABLE = "The endpoint could not be reached."


class Outcome(StrEnum):
    """What became of an attempt. The words are stored."""

    OK = "ok"
    """Answered with 2xx."""
    STATUS = "status"
    """Answered with something else."""
    REDIRECT = "redirect"
    """Answered with 3xx, which is never followed."""
    REFUSED = "refused"
    """The URL, or an address it resolved to, may not be called."""
    DNS = "dns"
    """The name has no address, or its name servers did not say."""
    CONNECT = "connect"
    """No connection."""
    TLS = "tls"
    """The certificate is not valid for the host, or no TLS."""
    TIMEOUT = "timeout"
    """The whole exchange was not over in time."""
    BAD_ANSWER = "bad_answer"
    """The answer was not HTTP, too large in its headers, or broken off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One attempt. Only an answer that came complete has a status, headers and a body."""

    outcome: Outcome
    duration: float
    """Seconds."""
    lookup: float | None = None
    """Of those, until the name had addresses; None for an address in the URL."""
    connect: float | None = None
    """Of those, for a new connection, TLS included; None for one that was open."""
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """As received, cut after some kilobytes. Hostile wherever it is shown."""
    body: bytes = b""
    """As received, not decompressed, cut after some kilobytes. Hostile too."""
    error: str = ""
    """What went wrong in detail, printable, for staff only: it names addresses."""

    @property
    def public_error(self) -> str:
        """What a partner may be told; empty after a success.

        The same words for all that failed without an answer: a difference would tell
        a partner which hosts and ports exist behind a name.
        """
        match self.outcome:
            case Outcome.OK:
                return ""
            case Outcome.STATUS:
                return f"The endpoint answered with status {self.status}."
            case Outcome.REDIRECT:
                return "The endpoint answered with a redirect, which is not followed."
            case _:
                return UNREACHABLE
