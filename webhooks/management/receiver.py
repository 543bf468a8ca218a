"""The sample receiver: shows every request, and whether its signature verifies.

It is for development on one machine. It reads from the database whose URL was called and
which secrets sign, and signs the received bytes again. A partner's own receiver does the same
with the secret that it was given.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

from django.db import connection
from django.template.loader import render_to_string
from django.utils import timezone

from webhooks.console import untrusted_text
from webhooks.delivery import signing, wire
from webhooks.models import Subscription

KEPT = 50
LONGEST = 1024 * 1024  # bytes of a body

VERIFIED = "signature verified"
WRONG = "signature does NOT verify"
UNSIGNED = "not signed, as this dialect documents"
UNKNOWN = "no subscription has this URL"

_TIMESTAMP = re.compile(r"(?:^|[\s,])t=(\d{1,12})(?:$|[\s,])|^(\d{1,12})$")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Arrival:
    at: datetime
    path: str
    subscription: str
    event: str
    verdict: str
    headers: list[tuple[str, str]]
    body: str

    @property
    def is_good(self) -> bool:
        return self.verdict in (VERIFIED, UNSIGNED)

    def __str__(self) -> str:
        """One line; received text cannot begin another."""
        line = f"{self.at:%H:%M:%S} {self.subscription}: {self.event}, {self.verdict}"
        return untrusted_text.in_one_line(line)


def arrival(
    *, url: str, path: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> Arrival:
    """Read one request; the database says whose it is."""
    of = (
        Subscription.objects.live()
        .filter(endpoints__url=url, endpoints__removed_at=None)
        .select_related("partner")
        .order_by("created_at")
    )
    judged = [(_verdict(candidate, headers, body, now), candidate) for candidate in of]
    # Several subscriptions may share a URL; take the one that signed it.
    judged.sort(key=lambda pair: pair[0] == WRONG)
    verdict, whose = judged[0] if judged else (UNKNOWN, None)
    return Arrival(
        at=now,
        path=path,
        subscription=f"{whose.dialect} ({whose})" if whose else path,
        event=_event(body),
        verdict=verdict,
        headers=sorted(headers.items()),
        body=body.decode(errors="replace"),
    )


def _verdict(
    subscription: Subscription, headers: Mapping[str, str], body: bytes, now: datetime
) -> str:
    profile = wire.profile(subscription.profile)
    if profile.sign is wire.unsigned:
        return UNSIGNED
    sent = {name.lower(): value for name, value in headers.items()}
    again = wire.Signing(
        event_id=_event_id(sent),
        timestamp=_timestamp(sent),
        body=body,
        secrets=subscription.live_secrets(now),
    )
    try:
        expected = profile.sign(again)
    except signing.UnusableSecret:
        return WRONG
    is_same = expected and all(
        sent.get(name.lower()) == value for name, value in expected.items()
    )
    return VERIFIED if is_same else WRONG


def _timestamp(sent: Mapping[str, str]) -> int:
    for name, value in sent.items():
        is_signed = "signature" in name or "timestamp" in name
        if is_signed and (found := _TIMESTAMP.search(value)):
            return int(found[1] or found[2])
    return 0


def _event_id(sent: Mapping[str, str]) -> UUID:
    for name, value in sent.items():
        if name.endswith("-id") and (found := _UUID.search(value)):
            return UUID(found[0])
    return UUID(int=0)


def _event(body: bytes) -> str:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return "a body that is no JSON"
    if isinstance(content, dict):
        for name in ("event", "eventType", "type"):
            if isinstance(content.get(name), str):
                return str(content[name])
    return "an event without a name in its body"


class Server(ThreadingHTTPServer):
    """Keeps the last KEPT `arrivals`, newest first; calls `on_arrival` with a line of each."""

    daemon_threads = True

    def __init__(
        self, host: str, port: int, *, on_arrival: Callable[[str], Any]
    ) -> None:
        self.arrivals: deque[Arrival] = deque(maxlen=KEPT)
        self.on_arrival = on_arrival
        super().__init__((host, port), Handler)

    def arrived(self, arrived: Arrival) -> None:
        self.arrivals.appendleft(arrived)
        self.on_arrival(str(arrived))


class Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 10  # seconds that a silent client is waited for

    def do_GET(self) -> None:
        self._page(is_whole=True)

    def do_HEAD(self) -> None:
        self._page(is_whole=False)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(int(length))
        try:
            arrived = arrival(
                url=f"http://{self.headers.get('Host', '')}{self.path}",
                path=self.path,
                headers=dict(self.headers.items()),
                body=body,
                now=timezone.now(),
            )
        finally:
            connection.close()  # each request is a thread, with a connection of its own
        self.server.arrived(arrived)
        self._send(b"", "text/plain", is_whole=True)

    def _page(self, *, is_whole: bool) -> None:
        if self.path != "/":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        context = {"arrivals": list(self.server.arrivals)}
        html = render_to_string("front/receiver.html", context)
        page = untrusted_text.of_page(html)
        self._send(page.encode(), "text/html; charset=utf-8", is_whole=is_whole)

    def _send(self, content: bytes, kind: str, *, is_whole: bool) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header(
            "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"
        )
        self.end_headers()
        if is_whole:
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """The server reports each arrival itself."""
