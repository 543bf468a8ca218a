"""The crowd lets the loop go on with others while it deals with many of its connections."""

import asyncio
import socket
import time
from contextlib import ExitStack

from webhooks.server import limits
from webhooks.server.connection import Connection
from webhooks.server.crowd import Crowd


def refuse(environ, status, reason, seconds):
    time.sleep(0.001)  # as a refusal that is worded takes
    return [], b""


async def _turns_while_sweeping(ends: list[socket.socket]) -> int:
    """How often others had a turn while as many half-sent requests expired."""
    loop = asyncio.get_running_loop()
    crowd = Crowd(
        limits.Limits(seconds=0),
        loop,
        longest_body=lambda path: None,
        refuse=refuse,
        work=lambda connection: True,
    )
    connections = []
    for end in ends:
        _, connection = await loop.connect_accepted_socket(
            lambda: Connection(crowd), end
        )
        connections.append(connection)
    await asyncio.sleep(0.1)  # what was sent is read
    turns, over = 0, asyncio.Event()

    async def others() -> None:
        nonlocal turns
        while not over.is_set():
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    await crowd.sweep()
    over.set()
    await waiting
    for connection in connections:
        connection.transport.abort()
    await asyncio.sleep(0.1)
    assert crowd.report() == f"{len(ends)} too slow"
    return turns


def test_a_sweep_of_many_lets_others_have_their_turn_meanwhile():
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as listening:
        ends = []
        for _ in range(60):
            client = socket.create_connection(listening.getsockname())
            stack.enter_context(client).sendall(b"GET / HTTP/1.1\r\n")
            ends.append(stack.enter_context(listening.accept()[0]))
        turns = asyncio.run(_turns_while_sweeping(ends))
    assert turns >= 15
