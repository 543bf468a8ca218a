"""The result of an attempt: the stored outcomes, and the sentence that a partner may read."""

from dataclasses import dataclass
from enum import StrEnum

UNREACHABLE = "The endpoint could not be reached."


class Outcome(StrEnum):
    """The outcomes of an attempt. The values are stored."""

    OK = "ok"
    """Answered with 2xx."""
    STATUS = "status"
    """Answered with another status."""
    REDIRECT = "redirect"
    """Answered with 3xx, which is never followed."""
    REFUSED = "refused"
    """The URL, or an address it resolved to, may not be called."""
    DNS = "dns"
    """The name has no address, or its name servers did not answer."""
    CONNECT = "connect"
    """No connection."""
    TLS = "tls"
    """The certificate is not valid for the host, or the receiver speaks no TLS."""
    TIMEOUT = "timeout"
    """The exchange did not end in time."""
    BAD_ANSWER = "bad_answer"
    """The answer was not HTTP, too large in its headers, or broken off."""


@dataclass(slots=True, kw_only=True)
class Result:
    """One attempt. Only a complete answer has a status, headers and a body."""

    outcome: Outcome
    duration: float
    """Seconds."""
    lookup: float | None = None
    """Of those, the look-up of the name; None if the URL has an address."""
    connect: float | None = None
    """Of those, opening a connection with TLS; None if an open one was used."""
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """As received, cut after some kilobytes. Text from outside: escape it."""
    body: bytes = b""
    """As received, not decompressed, cut after some kilobytes. From outside, too."""
    error: str = ""
    """The error in detail, printable. For staff only, because it names addresses."""

    @property
    def public_error(self) -> str:
        """The error as a partner may read it; empty after a success.

        All failures without an answer have the same text: a difference would show a
        partner which hosts and ports exist behind a name.
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
