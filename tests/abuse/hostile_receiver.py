"""A receiver that does what no receiver should, by the path it is called at.

`python -m tests.abuse.hostile_receiver` prints its port.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable

OK = b"HTTP/1.1 200 OK\r\n"
MOMENT = 0.05  # seconds
LONGEST = 60.0  # seconds; whatever it does ends

Write = Callable[[bytes], Awaitable[None]]
Behaviour = Callable[[Write], Awaitable[None]]


async def interim(write: Write) -> None:
    """It says 100 Continue for ever."""
    while True:
        await write(b"HTTP/1.1 100 Continue\r\n\r\n" * 200)


async def slow_interim(write: Write) -> None:
    while True:
        await write(b"HTTP/1.1 102 Processing\r\n\r\n")
        await asyncio.sleep(MOMENT)


async def silent(write: Write) -> None:
    await asyncio.sleep(LONGEST)


async def dripping_head(write: Write) -> None:
    await write(OK)
    while True:
        await write(b"a: b\r\n")
        await asyncio.sleep(MOMENT)


async def endless_head(write: Write) -> None:
    await write(OK)
    while True:
        await write(b"x-filler: " + b"f" * 8000 + b"\r\n")


async def endless_line(write: Write) -> None:
    await write(OK + b"x-filler: ")
    while True:
        await write(b"f" * 16384)


async def endless_body(write: Write) -> None:
    await write(OK + b"\r\n")
    while True:
        await write(b"b" * 65536)


async def tiny_chunks(write: Write) -> None:
    await write(OK + b"transfer-encoding: chunked\r\n\r\n")
    while True:
        await write(b"1\r\nb\r\n" * 2000)


async def endless_trailer(write: Write) -> None:
    await write(OK + b"transfer-encoding: chunked\r\n\r\n0\r\n")
    while True:
        await write(b"x-trailer: t\r\n" * 500)


async def long_chunk_extension(write: Write) -> None:
    await write(OK + b"transfer-encoding: chunked\r\n\r\n1;")
    while True:
        await write(b"e" * 16384)


async def dripping_body(write: Write) -> None:
    await write(OK + b"content-length: 100000\r\n\r\n")
    while True:
        await write(b"b")
        await asyncio.sleep(MOMENT)


async def too_long_for_its_length(write: Write) -> None:
    await write(OK + b"content-length: 20\r\n\r\n" + b'{"status":"' + b"\xd0\xb4" * 14)


async def garbage(write: Write) -> None:
    await write(bytes(range(256)) * 64)


async def hangs_up(write: Write) -> None:
    return


BEHAVIOURS: dict[str, Behaviour] = {
    behaviour.__name__: behaviour
    for behaviour in (
        interim,
        slow_interim,
        silent,
        dripping_head,
        endless_head,
        endless_line,
        endless_body,
        tiny_chunks,
        endless_trailer,
        long_chunk_extension,
        dripping_body,
        too_long_for_its_length,
        garbage,
        hangs_up,
    )
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async def write(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    try:
        head = await reader.readuntil(b"\r\n\r\n")
        name = head.split(b" ", 2)[1].decode().strip("/")
        async with asyncio.timeout(LONGEST):
            await BEHAVIOURS[name](write)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main() -> None:
    os.nice(19)  # it stands for machines elsewhere; the portal goes first
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
