"""Ports for servers that a test starts."""

import secrets
import socket


def free_port() -> int:
    """A port with a free one after it, below those that the system gives to whoever asks
    for any: until it is used nobody else gets it. Each process draws its own."""
    while True:
        port = 20_000 + 2 * secrets.randbelow(6_000)
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
