"""The only place that opens sockets to receivers: to an address that was checked."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import partial

from webhooks.delivery.egress import Target

from .connection import Connection

MakeConnection = Callable[[str, Callable[[], bool]], Connection]
"""Takes the address, and `is_silent`."""


class Unreached(Exception):
    """No address took a connection. The text says why each did not."""


class Untrusted(Exception):
    """The other side does not speak TLS, or has no valid certificate for the host."""


async def dial(
    target: Target,
    addresses: Sequence[str],
    *,
    ssl_context: ssl.SSLContext,
    make: MakeConnection,
    deadline: float,
) -> Connection:
    """A connection to the first of the addresses that takes one, one after the other.

    `deadline` is by the event loop's clock. TLS is spoken with the host's own name, which
    its certificate must hold. Raises Unreached, Untrusted or TimeoutError.
    """
    loop = asyncio.get_running_loop()
    context = ssl_context if target.scheme == "https" else None
    errors = []
    async with asyncio.timeout_at(deadline):
        for left in range(len(addresses), 0, -1):
            address = addresses[-left]
            # Equal parts of the time that is left: an address that never answers must not
            # use up the time of the others.
            share = (deadline - loop.time()) / left if left > 1 else None
            try:
                async with asyncio.timeout(share):
                    return await _dial_one(target, address, context, make)
            except TimeoutError:
                reason = f"no connection within {share:.3g} s"
            except _NoConnection as error:
                reason = str(error)
            errors.append(f"{address} port {target.port}: {reason}")
    raise Unreached("; ".join(errors))


class _NoConnection(Exception):
    """One address took no connection."""


async def _dial_one(
    target: Target,
    address: str,
    context: ssl.SSLContext | None,
    make: MakeConnection,
) -> Connection:
    loop = asyncio.get_running_loop()
    try:
        sock = await _connected(loop, address, target.port)
        connection = make(address, partial(_is_silent, sock))
        # From here on the socket is the transport's, which closes it.
        if context is None:
            await loop.create_connection(lambda: connection, sock=sock)
        else:
            await _begin_tls(loop, sock, connection, context, target.host)
    except ssl.SSLError as error:
        raise Untrusted(f"{type(error).__name__}: {error}") from None
    except OSError as error:
        # The text of asyncio names the address again.
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise _NoConnection(reason or type(error).__name__) from None
    return connection


async def _begin_tls(
    loop: asyncio.AbstractEventLoop,
    sock: socket.socket,
    connection: Connection,
    context: ssl.SSLContext,
    host: str,
) -> None:
    """In two steps: `create_connection` alone would leave a handshake running that was
    cancelled at its beginning."""
    plain, _ = await loop.create_connection(asyncio.Protocol, sock=sock)
    connection.read_from(plain)
    secured = await loop.start_tls(plain, connection, context, server_hostname=host)
    if secured is None:
        raise ConnectionResetError("closed after the handshake")
    connection.connection_made(secured)


async def _connected(
    loop: asyncio.AbstractEventLoop, address: str, port: int
) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _is_silent(sock: socket.socket) -> bool:
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
