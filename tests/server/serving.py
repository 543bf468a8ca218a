"""Starts the server of `tests.server.application`, and talks to it byte by byte."""

import json
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE, eventually

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Peer:
    """A client's end of a connection."""

    def __init__(self, port: int, address: str = "") -> None:
        self.socket = socket.create_connection(
            ("127.0.0.1", port), PATIENCE, source_address=(address, 0)
        )
        self._rest = b""

    def send(self, data: bytes | str) -> None:
        if isinstance(data, str):
            data = data.replace("\n", "\r\n").encode("latin-1")
        self.socket.sendall(data)

    def answer(self, *, has_body: bool = True) -> Answer:
        """The next answer; raises ConnectionError when the server closes first."""
        while b"\r\n\r\n" not in self._rest:
            self._more()
        top, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        pairs = [line.split(": ", 1) for line in lines]
        headers = {name.lower(): value for name, value in pairs}
        length = int(headers.get("content-length", 0)) if has_body else 0
        while len(self._rest) < length:
            self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return Answer(int(first.split()[1]), headers, body)

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError
        self._rest += data

    @property
    def is_closed(self) -> bool:
        """Whether the server has closed it, with or without an answer before."""
        if not select.select([self.socket], [], [], 0)[0]:
            return False
        try:
            return self.socket.recv(1, socket.MSG_PEEK) == b""
        except ConnectionError:
            return True

    @property
    def has_answer(self) -> bool:
        """Whether anything can be read that was not."""
        return bool(self._rest or select.select([self.socket], [], [], 0)[0])

    def ends(self) -> bytes:
        """All that comes until the server closes it."""
        found = self._rest
        try:
            while data := self.socket.recv(65536):
                found += data
        except ConnectionError:
            pass
        return found

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Go away at once, as a client that was killed."""
        at_once = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.socket.close()


@dataclass(frozen=True)
class Server:
    port: int
    process: "subprocess.Popen[str]"
    peers: list[Peer] = field(default_factory=list)

    def peer(self, address: str = "") -> Peer:
        """A new connection, which ends with the server at the latest."""
        self.peers.append(Peer(self.port, address))
        return self.peers[-1]

    def ask(self, request: bytes | str, *, has_body: bool = True) -> Answer:
        """The answer to one request on a connection of its own."""
        peer = self.peer()
        try:
            peer.send(request)
            return peer.answer(has_body=has_body)
        finally:
            peer.close()

    def get(self, path: str) -> Answer:
        return self.ask(f"GET {path} HTTP/1.1\nHost: x\n\n")

    @property
    def listens(self) -> bool:
        try:
            Peer(self.port).close()
        except ConnectionError:
            return False
        return True

    def hold(self, count: int, release: Path) -> list[Peer]:
        """Connections whose requests have a thread each, until the file is there. They come
        from addresses of their own, since one may not have all threads."""
        peers = [self.peer(f"127.0.0.{number + 2}") for number in range(count)]
        for peer in peers:
            peer.send(f"GET /hold?{release} HTTP/1.1\nHost: x\n\n")
        eventually(lambda: len([*release.parent.glob("held-*")]) == count)
        return peers

    def settle(self) -> None:
        """Return when the loop has read all that was sent before: it answers in order.
        Whether a thread has begun with it is another matter: see `hold`."""
        for _ in range(2):
            assert self.ask("NONSENSE\n\n").status == 400

    def stop(self, *signals: signal.Signals) -> int:
        """The exit status, after these signals or a SIGTERM."""
        for number in signals or (signal.SIGTERM,):
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def serving(**limits: float) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.server.application", json.dumps(limits)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    server = Server(int(process.stdout.readline()), process)
    try:
        yield server
    finally:
        for peer in server.peers:
            peer.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
