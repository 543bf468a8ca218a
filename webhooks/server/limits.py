"""What a connection, and all of them together, may take of one worker process."""

from dataclasses import dataclass

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE


@dataclass(frozen=True)
class Limits:
    """The operator's choices; README's table of settings has the same defaults."""

    connections: int = 8192
    """Open at once. One more closes the one that has waited longest for a request."""
    memory: int = 64 * MEBIBYTE
    """Bytes of half-received requests, of those that wait, and of half-read answers. Beyond it the
    largest give way."""
    seconds: float = 10
    """To send the head of a request; and before `rate` counts, for bodies and answers."""
    idle: float = 75
    """Seconds until a connection is closed on which nothing follows an answer. More than the 60
    for which common proxies keep theirs: it should be they who close it, so that no request meets
    a closed one."""
    rate: int = 4 * KIBIBYTE
    """Bytes per second: who sends a body or reads an answer slower on the whole is cut off."""


HEAD = 32 * KIBIBYTE
"""Bytes of request line and headers, and of what stands between the chunks of a body. Proxies and
browsers stop at 8 to 32 KiB."""

HEADERS = 100
"""Of a request, as in Apache: each takes a few times its bytes."""

HEADER_NAME = 256
"""Bytes of the name of a header that is handed on. Names are remembered, so that each is read
once; and no application waits for one so long."""

BODY = MEBIBYTE
"""Bytes of a body, where the application does not allow more."""

BODY_SECONDS = 120.0
"""For the whole of a body, however fast it comes: 8 MiB take as long at 70 KiB/s."""

LINGER_SECONDS = 5.0
"""For which a client may go on to send what nobody reads, so that it gets the answer first."""

WAITING = 1024
"""Whole requests that wait for a thread; at 10 ms each the last one waits for seconds."""

WAITING_OF_ONE = 256
"""Of them, those of one caller: who sends more than is answered leaves room for others."""

CALLERS = 4096
"""That are known by their credentials. The one that has not asked for the longest time is forgotten,
and is known again with its next answer."""

BACKLOG = 1024
"""Connections that the kernel keeps until they are accepted."""

ACCEPTED = 16
"""Connections in one turn of the loop: each takes a tenth of a millisecond."""

REPORT_SECONDS = 60.0
"""Between two lines in the log on clients that met a limit: one line, however many there are."""

RECORDED = 100
"""Refusals of each status that the application answers and records between two of these lines; the
others are a line of text and a number, as a stranger can cause thousands at once."""
