"""A Redis of one's own, that forgets everything when told to."""

import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import redis


class Broker:
    """A context manager; it keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def __enter__(self) -> Self:
        command = f"redis-server --port {self._port} --bind 127.0.0.1 --appendonly no"
        self._process = subprocess.Popen(
            [*command.split(), "--save", "", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
        )
        self._client = redis.Redis(port=self._port)
        end = time.time() + 10
        while not self._answers():
            assert time.time() < end, "Redis does not start."
            time.sleep(0.05)
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()
        self._process.kill()
        self._process.wait()

    def wipe(self) -> None:
        self._client.flushall()

    def _answers(self) -> bool:
        try:
            return bool(self._client.ping())
        except redis.ConnectionError:
            return False
