"""A receiver that costs next to nothing: it counts requests and answers 200.

`python -m benchmarks.sink [--tls CERTIFICATE] [--close]` prints its port. With `--close` it
closes each connection after the answer, and says so. It reads no more of HTTP than the length
of a body, so that it is never what a benchmark waits for.
"""

import argparse
import asyncio
import ssl
from functools import partial

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n"


class Sink(asyncio.Protocol):
    """Its client does not send a request before the answer to the last."""

    def __init__(self, *, closes: bool) -> None:
        self._closes = closes
        self._answer = OK + (b"Connection: close\r\n" if closes else b"") + b"\r\nok"
        self._head = b""
        self._missing: int | None = (
            None  # bytes of the body; None: the head is not whole
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._missing is None:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._head[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._missing = length - (len(self._head) - end - 4)
        else:
            self._missing -= len(data)
        if self._missing <= 0:
            self._head, self._missing = b"", None
            self._transport.write(self._answer)  # type: ignore[attr-defined]
            if self._closes:
                self._transport.close()


async def main(certificate: str | None, *, closes: bool) -> None:
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate)
    server = await asyncio.get_running_loop().create_server(
        partial(Sink, closes=closes), "127.0.0.1", 0, ssl=tls, backlog=1000
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", metavar="CERTIFICATE")
    parser.add_argument("--close", action="store_true")
    given = parser.parse_args()
    asyncio.run(main(given.tls, closes=given.close))
