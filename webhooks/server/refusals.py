"""What is answered without a thread: 400, 408, 503 and the like."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from http import HTTPStatus
from os import urandom
from typing import Any

from . import limits
from .messages import Head, response

logger = logging.getLogger(__name__)

Answer = tuple[Iterable[tuple[str, str]], bytes]
"""Headers and body."""

Refuse = Callable[[dict[str, Any], HTTPStatus, str, float], Answer]
"""Of a request's WSGI environment, where method and path are empty as long as they are not known;
the reason; and the seconds since its first byte. It writes a record, too. Called in the loop, so it
must be quick."""

RETRY_SECONDS = 5  # for which a client is told to wait after a 503


class Refusals:
    """Has the application word and record the first of each status in a minute.

    The others are worded here and only counted. Strangers can cause thousands at once, which must
    cost little time of the loop and little room in the log, and hide none of another status.
    """

    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse
        self._counts: Counter[HTTPStatus] = Counter()

    def answer(
        self, head: Head, peer: str, status: HTTPStatus, reason: str, seconds: float
    ) -> bytes:
        """The answer to a request of which that head has arrived, from the address `peer`."""
        self._counts[status] += 1
        headers, body = _plain(reason)
        if self._counts[status] <= limits.RECORDED:
            try:
                known = head.environ(b"", 0, peer=peer, host="", port=0, underscored=())
                headers, body = self._refuse(known, status, reason, seconds)
            except Exception:  # it would end the loop
                logger.exception("The application failed to word a refusal.")
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers = [*headers, ("Retry-After", str(RETRY_SECONDS))]
        line = f"{status.value} {status.phrase}"
        return response(line, headers, body, head=head, keep=False)

    def report(self) -> list[str]:
        """How many were only counted since the last report. A new minute begins."""
        counts, self._counts = self._counts, Counter()
        return [
            f"{count - limits.RECORDED} answered {status.value} without a record"
            for status, count in counts.items()
            if count > limits.RECORDED
        ]


def _plain(reason: str) -> Answer:
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Request-Id", urandom(16).hex()),
    ]
    return headers, f"{reason}\n".encode()
