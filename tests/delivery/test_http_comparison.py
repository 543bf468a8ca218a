"""What two independent readers make of the same answers: h11, which is strict, and the
standard library's http.client, which is not. Where ours differs, the reason is given here."""

import http.client
import io
import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import h11
import pytest

from webhooks.delivery.http.reader import AnswerReader, BadAnswer

BAD = "bad"
Found = tuple[int, bytes] | str
"""Status and body, or BAD."""


def ours(raw: bytes) -> Found:
    reading = AnswerReader()
    try:
        answer = (reading.feed(raw) if raw else None) or reading.end()
    except BadAnswer:
        return BAD
    return answer.status, answer.body


def by_h11(raw: bytes) -> Found:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    status, body = 0, b""
    try:
        connection.receive_data(raw)
        if connection.their_state is not h11.SWITCHED_PROTOCOL:
            connection.receive_data(b"")
        while True:
            match connection.next_event():
                case h11.Response(status_code=status):
                    pass
                case h11.Data(data=data):
                    body += bytes(data)
                case h11.EndOfMessage() | h11.PAUSED:
                    return status, body
                case h11.ConnectionClosed():
                    return BAD
    except h11.RemoteProtocolError:
        return BAD


class _Socket(io.BytesIO):
    def makefile(self, mode: str) -> io.BytesIO:
        return self


def by_http_client(raw: bytes) -> Found:
    response = http.client.HTTPResponse(_Socket(raw), method="POST")  # type: ignore[arg-type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            response.begin()
        return response.status, response.read()
    except (http.client.HTTPException, ValueError, OSError):
        return BAD


# --- Recorded: what servers send, as captured from them ----------------------------------

DATE = b"Date: Sat, 28 Nov 2026 10:00:00 GMT\r\n"
RECORDED = {
    "nginx": b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n"
    + DATE
    + b"Content-Type: text/html\r\nContent-Length: 3\r\nConnection: keep-alive\r\n"
    b'ETag: "5f0"\r\nAccept-Ranges: bytes\r\n\r\nok\n',
    "nginx 444": b"",
    "nginx error page": b"HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\n"
    + DATE
    + b"Content-Type: text/html\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\n"
    b"<html></html>",
    "Apache": b"HTTP/1.1 200 OK\r\n"
    + DATE
    + b"Server: Apache/2.4.57 (Debian)\r\nKeep-Alive: timeout=5, max=100\r\n"
    b"Connection: Keep-Alive\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Type: text/html; charset=UTF-8\r\n\r\n3\r\nok\n\r\n0\r\n\r\n",
    "Node": b"HTTP/1.1 200 OK\r\n"
    + DATE
    + b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n",
    "Node chunked": b"HTTP/1.1 201 Created\r\n"
    + DATE
    + b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "Go": b"HTTP/1.1 200 OK\r\n" + DATE + b"Content-Length: 2\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nok",
    "gunicorn": b"HTTP/1.1 204 No Content\r\nServer: gunicorn\r\n"
    + DATE
    + b"Connection: close\r\nX-Frame-Options: DENY\r\n\r\n",
    "uvicorn": b"HTTP/1.1 200 OK\r\ndate: Sat, 28 Nov 2026 10:00:00 GMT\r\n"
    b"server: uvicorn\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}",
    "http.server": b"HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6 Python/3.11.7\r\n"
    + DATE
    + b"\r\nok",
    "PHP": b"HTTP/1.1 200 OK\r\nHost: localhost:8000\r\n"
    + DATE
    + b"Connection: close\r\nX-Powered-By: PHP/8.2\r\nContent-type: text/html\r\n\r\nok",
    "IIS": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Type: application/json\r\nServer: Microsoft-IIS/10.0\r\n"
    b"X-Powered-By: ASP.NET\r\n" + DATE + b"\r\n2\r\n{}\r\n0\r\n\r\n",
    "IIS after 100": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
    b"Server: Microsoft-IIS/10.0\r\nContent-Length: 2\r\n\r\nok",
    "Cloudflare early hints": b"HTTP/1.1 103 Early Hints\r\n"
    b"Link: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "a redirect": b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://a.example/\r\n"
    b"Content-Length: 0\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\n"
    + DATE
    + b"Content-Length: 9\r\n\r\n",
    "no reason": b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
    "lower case, no spaces": b"HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nok",
    "cookies": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d\r\n"
    b"Content-Length: 2\r\n\r\nok",
    "latin-1": b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nContent-Length: 2\r\n\r\nok",
    "trailers": b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
    "extensions": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'2;a=b;c="d"\r\nok\r\n0\r\n\r\n',
    "upper-case hex": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
    b"A\r\n0123456789\r\n000\r\n\r\n",
    "characters counted": "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
    '{"status":"принято"}'.encode(),
    "SSH": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "SMTP": b"220 mail.example.com ESMTP Postfix\r\n",
    "Redis": b"-ERR unknown command 'POST'\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46",
}

# --- Generated: each way of framing, with what may go wrong around it --------------------

STATUSES = (b"200 OK", b"204 No", b"304 No", b"404 Not Found", b"503 Busy")
FRAMINGS = {
    "length": (b"Content-Length: 5\r\n", b"hello"),
    "no body": (b"Content-Length: 0\r\n", b""),
    "chunks": (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
    "until the end": (b"", b"hello"),
    "too short": (b"Content-Length: 9\r\n", b"hello"),
    "chunks broken off": (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n"),
    "no last chunk": (b"Transfer-Encoding: chunked\r\n", b"5\r\nhel"),
    "no hex": (b"Transfer-Encoding: chunked\r\n", b"xyz\r\nhello\r\n0\r\n\r\n"),
    "no number": (b"Content-Length: five\r\n", b"hello"),
    "negative": (b"Content-Length: -5\r\n", b"hello"),
    "two lengths": (b"Content-Length: 5\r\nContent-Length: 6\r\n", b"hello"),
    "the same twice": (b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
    "both": (
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
    ),
    "another coding": (b"Transfer-Encoding: gzip\r\n", b"hello"),
}
INTERIM = (
    b"",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\nX: a\r\n\r\n",
)
SURPLUS = (b"", b"more")
VERSIONS = (b"HTTP/1.1", b"HTTP/1.0")
FRAMED = {"length", "no body", "chunks", "both", "the same twice"}


@dataclass(frozen=True)
class Made:
    raw: bytes
    status: bytes
    framing: str
    interim: bytes
    surplus: bytes
    version: bytes

    @property
    def name(self) -> str:
        parts = [self.version, self.status, self.interim[9:12], self.surplus]
        return " ".join([*(part.decode() for part in parts if part), self.framing])


def generated() -> Iterator[Made]:
    for version, status, framing, interim, surplus in itertools.product(
        VERSIONS, STATUSES, FRAMINGS, INTERIM, SURPLUS
    ):
        header, body = FRAMINGS[framing]
        if surplus and framing not in FRAMED:
            continue  # then it is no surplus
        head = interim + version + b" " + status + b"\r\nX: a\r\n" + header + b"\r\n"
        if status[:3] in {b"204", b"304"}:
            body = b""
        raw = head + body + surplus
        yield Made(raw, status, framing, interim, surplus, version)


def bodiless(made: Made) -> bool:
    return made.status[:3] in {b"204", b"304"}


def why_not_as_h11(made: Made) -> str:
    if made.framing == "the same twice":
        return (
            "h11 takes a length that is said twice; llhttp and RFC 9112 may refuse it"
        )
    if made.framing == "both":
        return "h11 prefers the chunks; llhttp refuses what smuggles (RFC 9112, 6.1)"
    if made.framing == "another coding":
        return "h11 knows no other coding; here it is read to the end (RFC 9112, 6.3)"
    return ""


def why_not_as_http_client(made: Made) -> str:
    if made.interim.startswith(b"HTTP/1.1 102"):
        return "http.client passes over no interim answer but 100"
    if made.framing in {
        "no number",
        "negative",
        "two lengths",
        "the same twice",
        "both",
    }:
        return "http.client reads on where the length is in doubt"
    if bodiless(made) and b"chunked" in made.raw:
        return "http.client reads chunks where there is no body"
    return ""


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_answer_is_read_as_others_read_it(name: str) -> None:
    raw = RECORDED[name]
    assert ours(raw) == by_h11(raw)
    if "early hints" not in name:  # see why_not_as_http_client
        assert ours(raw) == by_http_client(raw)


@pytest.mark.parametrize("made", list(generated()), ids=lambda made: made.name)
def test_a_generated_answer_is_read_as_others_read_it_or_for_a_reason(
    made: Made,
) -> None:
    found = ours(made.raw)
    assert found == by_h11(made.raw) or why_not_as_h11(made)
    assert found == by_http_client(made.raw) or why_not_as_http_client(made)


@pytest.mark.parametrize(
    ("read", "reason"),
    [(by_h11, why_not_as_h11), (by_http_client, why_not_as_http_client)],
)
def test_every_reason_is_needed(
    read: Callable[[bytes], Found], reason: Callable[[Made], str]
) -> None:
    given = {reason(made) for made in generated()} - {""}
    needed = {reason(made) for made in generated() if read(made.raw) != ours(made.raw)}
    assert given == needed
