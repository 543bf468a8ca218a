"""The second yardstick of deliveries: the least that a Python process can do to post.

It writes bytes that were made ready before, and reads no more of an answer than its length.
Nothing is checked, signed, timed or kept. One request at a time is under way on each
connection, and there are as many connections as the bare loop has.
"""

import asyncio
import time
import urllib.parse
from collections.abc import Iterator, Mapping

from . import machine
from .bare import CONCURRENCY


def rate(url: str, body: bytes, headers: Mapping[str, str], count: int) -> float:
    """Posts a second."""
    return asyncio.run(_rate(url, body, headers, count))


async def _rate(url: str, body: bytes, headers: Mapping[str, str], count: int) -> float:
    target = urllib.parse.urlsplit(url)
    lines = [f"POST {target.path} HTTP/1.1", f"Host: {target.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    request = head.encode() + body
    loop = asyncio.get_running_loop()
    left = iter(range(count))
    posters = []
    for _ in range(CONCURRENCY):
        _, poster = await loop.create_connection(
            lambda: _Poster(request, left), target.hostname, target.port
        )
        posters.append(poster)
    started = time.perf_counter()
    for poster in posters:
        poster.post()
    async with asyncio.timeout(machine.TIME_LIMIT):
        await asyncio.gather(*(poster.ended for poster in posters))
    seconds = time.perf_counter() - started
    assert sum(poster.answers for poster in posters) == count
    return count / seconds


class _Poster(asyncio.Protocol):
    """Posts over one connection until none is left; then `ended` is done."""

    def __init__(self, request: bytes, left: Iterator[int]) -> None:
        self._request = request
        self._left = left
        self._answer = b""
        self.answers = 0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, separator, body = self._answer.partition(b"\r\n\r\n")
        if not separator:
            return
        _, _, rest = head.lower().partition(b"content-length:")
        if len(body) >= (length := int(rest.split(b"\r\n", 1)[0])):
            # One answer to each request, or this would be pipelining.
            assert head.startswith(b"HTTP/1.1 200 "), head
            assert len(body) == length, body
            self.answers += 1
            self._answer = b""
            self.post()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionResetError())

    def post(self) -> None:
        if next(self._left, None) is None:
            self.ended.set_result(None)
            self._transport.close()
        else:
            self._transport.write(self._request)  # type: ignore[attr-defined]
