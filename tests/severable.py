"""A database that a test can take away from the portal: for real, and give back."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from tests.management import portal


class Severable(Protocol):
    url: str
    """For the portal; what a test itself asks of the database goes another way."""

    def take_away(self) -> None: ...
    def give_back(self) -> None: ...


class Folder:
    """SQLite: the folder of the file is moved. A connection that is open keeps the file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.url = f"sqlite:///{folder / 'portal.sqlite3'}"

    def take_away(self) -> None:
        self._folder.rename(self._folder.with_name("away"))

    def give_back(self) -> None:
        self._folder.with_name("away").rename(self._folder)


class Wire:
    """PostgreSQL: a port that hands on to it, is closed together with every connection
    through it, and is opened again."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._open: list[socket.socket] = []
        self._listen(0)
        self.port = self._server.getsockname()[1]
        user = f"{parts.username}:{parts.password or ''}@"
        self.url = f"postgres://{user}127.0.0.1:{self.port}{parts.path}"

    def take_away(self) -> None:
        # Shut down, and not only closed: a thread is waiting in each of them.
        for each in (self._server, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def give_back(self) -> None:
        self._listen(self.port)

    def _listen(self, port: int) -> None:
        self._server = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=[self._server], daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection(self._target)
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_copy, args=pair, daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def database(folder: Path) -> Iterator[Severable]:
    """An empty one, of the kind that the tests use."""
    if "TEST_DATABASE_URL" not in os.environ:
        yield Folder(folder / "database")
        return
    with portal.fresh_database(folder) as url:
        wire = Wire(url)
        try:
            yield wire
        finally:
            wire.take_away()
