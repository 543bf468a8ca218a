"""A Redis of a test's own."""

import subprocess
from pathlib import Path
from typing import Any, Self

import redis

from tests.ports import free_port
from tests.waiting import eventually


class Redis:
    """A redis-server that keeps nothing; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder

    def __enter__(self) -> Self:
        command = f"redis-server --port {self.port} --bind 127.0.0.1 --appendonly no"
        self._process = subprocess.Popen(
            [*command.split(), "--save", "", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
        )
        self.client = redis.Redis(port=self.port)
        eventually(self._answers)
        return self

    def __exit__(self, *exception: object) -> None:
        self.client.close()
        self._process.kill()
        self._process.wait()

    def messages(self, queue: str = "webhooks") -> list[bytes]:
        found: Any = self.client.lrange(queue, 0, -1)
        return list(found)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False
