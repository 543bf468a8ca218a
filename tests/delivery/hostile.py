"""Receivers that do their worst, each behind a path: `/endless-continue` and so on.

`python -m tests.delivery.hostile [CERTIFICATE]` serves them in a process of its own, so that
what they cost themselves is not the client's, and prints the port. With a certificate they
speak TLS. Anything they may be made to hold or to send ends with the connection.
"""

import asyncio
import gzip
import os
import socket
import ssl
import struct
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import chain, repeat

Behaviour = Callable[[StreamReader, StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
GIGABYTE = HEAD + b"Content-Length: 1073741824\r\n\r\n"
BLOCK = 65536
SLOWLY = 0.05  # seconds


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a receiver does with a request, and what may become of it."""

    behave: Behaviour
    outcomes: set[str]
    reads: bool = True  # whether it reads the head of the request first


async def _send(writer: StreamWriter, pieces: Iterable[bytes], pause: float) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)


def sends(*outcomes: str, pieces: Iterable[bytes], pause: float = 0) -> Case:
    """Sends these and holds the connection."""

    async def behave(reader: StreamReader, writer: StreamWriter) -> None:
        await _send(writer, pieces, pause)
        await asyncio.sleep(3600)

    return Case(behave=behave, outcomes=set(outcomes))


def floods(*outcomes: str, start: bytes = b"", block: bytes) -> Case:
    """Sends `start`, and then `block` as often as it is taken."""
    blocks = repeat(block * (BLOCK // len(block) or 1))

    async def behave(reader: StreamReader, writer: StreamWriter) -> None:
        await _send(writer, chain([start], blocks), 0)

    return Case(behave=behave, outcomes=set(outcomes))


def drips(*outcomes: str, start: bytes = b"", piece: bytes, pause: float = 0) -> Case:
    """The same a byte at a time, each in a packet (and a TLS record) of its own."""
    pieces = [bytes([byte]) for byte in piece]

    async def behave(reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(start)
        while True:
            await _send(writer, pieces, pause)

    return Case(behave=behave, outcomes=set(outcomes))


async def resets(reader: StreamReader, writer: StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def resets_midway(reader: StreamReader, writer: StreamWriter) -> None:
    await _send(writer, [GIGABYTE + b"half"], SLOWLY)
    await resets(reader, writer)


async def resets_before_the_end(reader: StreamReader, writer: StreamWriter) -> None:
    """Of an answer that ends with its connection."""
    await _send(writer, [HEAD + b"\r\nhalf"], SLOWLY)
    await resets(reader, writer)


async def hangs_up(reader: StreamReader, writer: StreamWriter) -> None:
    pass


async def ends_its_half(reader: StreamReader, writer: StreamWriter) -> None:
    if writer.can_write_eof():
        writer.write_eof()
    await asyncio.sleep(3600)


async def says_nothing(reader: StreamReader, writer: StreamWriter) -> None:
    await asyncio.sleep(3600)


async def reads_nothing(reader: StreamReader, writer: StreamWriter) -> None:
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.sleep(3600)


async def reads_slowly(reader: StreamReader, writer: StreamWriter) -> None:
    while await reader.read(1):
        await asyncio.sleep(SLOWLY)


async def answers_before_it_reads(reader: StreamReader, writer: StreamWriter) -> None:
    await _send(writer, [OK], 0)
    await reads_nothing(reader, writer)


async def floods_after_the_answer(reader: StreamReader, writer: StreamWriter) -> None:
    await _send(writer, chain([OK], repeat(b"x" * BLOCK)), SLOWLY)


async def ends_after_the_answer(reader: StreamReader, writer: StreamWriter) -> None:
    await _send(writer, [OK], 0)


BOMB = gzip.compress(b"\0" * 20_000_000)
BAD, OVER = "bad_answer", "timeout"

CASES: dict[str, Case] = {
    "endless-continue": floods(BAD, block=CONTINUE),
    "endless-hints": floods(BAD, block=b"HTTP/1.1 103 Hints\r\nLink: a\r\n\r\n"),
    "continue-bit-by-bit": drips(BAD, piece=CONTINUE),
    "continue-slowly": sends(BAD, pieces=repeat(CONTINUE, 100), pause=SLOWLY),
    "continue-and-silence": sends(OVER, pieces=[CONTINUE * 3]),
    "head-bit-by-bit": drips(BAD, start=HEAD, piece=b"X: a\r\n"),
    "head-slowly": drips(OVER, start=HEAD, piece=b"X: a\r\n", pause=SLOWLY),
    "megabyte-header": sends(BAD, pieces=[HEAD + b"X: " + b"a" * 2**20 + b"\r\n\r\n"]),
    "megabyte-of-headers": sends(BAD, pieces=[HEAD + b"X: aaa\r\n" * 2**17]),
    "endless-headers": floods(BAD, start=HEAD, block=b"X: a\r\n"),
    "endless-name": floods(BAD, start=HEAD, block=b"X"),
    "endless-value": floods(BAD, start=HEAD + b"X: ", block=b"a"),
    "endless-fold": floods(BAD, start=HEAD + b"X: a", block=b"\r\n a"),
    "endless-status": floods(BAD, start=b"HTTP/1.1 200 ", block=b"O"),
    "endless-blank-lines": floods(BAD, block=b"\r\n"),
    "endless-digits": floods(BAD, start=HEAD + b"Content-Length: ", block=b"0"),
    "body-flood": floods("ok", start=GIGABYTE, block=b"x"),
    "body-flood-without-length": floods("ok", start=HEAD + b"\r\n", block=b"x"),
    "body-bit-by-bit": drips("ok", OVER, start=GIGABYTE, piece=b"x"),
    # Fewer bytes than are read, so that it is not over before its time.
    "body-bit-by-bit-and-silence": sends(OVER, pieces=(GIGABYTE, *[b"x"] * 20_000)),
    "body-slowly": drips(OVER, start=GIGABYTE, piece=b"x", pause=SLOWLY),
    "bomb": sends(
        "ok",
        pieces=[
            HEAD
            + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB)
            + BOMB
        ],
    ),
    "chunk-flood": floods(
        "ok", start=CHUNKED, block=b"ffff\r\n" + b"x" * 65535 + b"\r\n"
    ),
    "tiny-chunks": floods("ok", start=CHUNKED, block=b"1\r\nx\r\n"),
    "tiny-chunks-bit-by-bit": drips("ok", OVER, start=CHUNKED, piece=b"1\r\nx\r\n"),
    "endless-extension": floods("ok", start=CHUNKED + b"1;", block=b"e"),
    "endless-chunk-size": floods("ok", BAD, start=CHUNKED, block=b"0"),
    "endless-trailers": floods(BAD, start=CHUNKED + b"0\r\n", block=b"X: a\r\n"),
    "endless-trailer": floods("ok", start=CHUNKED + b"0\r\nX: ", block=b"a"),
    "trailers-slowly": drips(
        OVER, start=CHUNKED + b"0\r\n", piece=b"X: a\r\n", pause=SLOWLY
    ),
    "garbage-flood": floods(BAD, block=bytes(range(256))),
    "banner": sends(BAD, pieces=[b"SSH-2.0-OpenSSH_9.2\r\n"]),
    "nul": sends(BAD, pieces=[HEAD + b"X: a\0b\r\nContent-Length: 0\r\n\r\n"]),
    # What follows may arrive in place of the answer to the next request.
    "surplus-flood": floods("ok", BAD, start=OK, block=b"x"),
    "answers-flood": floods("ok", block=OK),
    "empty-answer-with-a-flood": floods(
        "ok", BAD, start=b"HTTP/1.1 204 No\r\n\r\n", block=b"x"
    ),
    "upgrade-flood": floods(
        "status",
        start=b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        block=b"x",
    ),
    "silence": Case(behave=says_nothing, outcomes={OVER}),
    "hangs-up": Case(behave=hangs_up, outcomes={BAD}),
    "hangs-up-at-once": Case(behave=hangs_up, outcomes={BAD}, reads=False),
    "resets": Case(behave=resets, outcomes={BAD}),
    "resets-midway": Case(behave=resets_midway, outcomes={BAD}),
    "resets-before-the-end": Case(behave=resets_before_the_end, outcomes={BAD}),
    "ends-its-half": Case(behave=ends_its_half, outcomes={BAD, OVER}),
    "reads-nothing": Case(behave=reads_nothing, outcomes={OVER}, reads=False),
    "reads-slowly": Case(behave=reads_slowly, outcomes={OVER}, reads=False),
    "answers-before-it-reads": Case(
        behave=answers_before_it_reads, outcomes={"ok"}, reads=False
    ),
    "floods-after-the-answer": Case(
        behave=floods_after_the_answer, outcomes={"ok", BAD}
    ),
    # It may end while the next request is on its way.
    "ends-after-the-answer": Case(behave=ends_after_the_answer, outcomes={"ok", BAD}),
}


async def serve_one(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        # A path is told by the port's own byte stream, so its first line is always read.
        line = await reader.readline()
        case = CASES[line.split()[1].decode().strip("/")]
        if case.reads:
            await reader.readuntil(b"\r\n\r\n")
        await case.behave(reader, writer)
    except (OSError, IndexError, asyncio.IncompleteReadError):
        pass  # the client has hung up, as it may
    finally:
        writer.close()


async def _serve(certificate: str | None) -> None:
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.start_server(serve_one, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    os.nice(5)  # what it attacks needs a processor too
    asyncio.run(_serve(sys.argv[1] if len(sys.argv) > 1 else None))
