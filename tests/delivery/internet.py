"""A small internet: names, and public addresses that lead to loopback receivers.

Only the last step is pretended: where a connection to an address really goes. What was
dialled is what the client asked the event loop for, TLS and HTTP are real.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from tests.receiver import Receiver

Answer = Sequence[str] | Exception
SockConnect = Callable[..., Awaitable[None]]


class Internet:
    """`names` maps a host to its answers, one for each question; the last stays."""

    def __init__(self, connect: SockConnect) -> None:
        self._connect = connect
        self.names: dict[str, list[Answer]] = {}
        self.places: dict[str, Receiver] = {}
        self.hanging: set[str] = set()
        self.dialled: list[str] = []
        self.asked: list[str] = []

    def name(self, host: str, *answers: Answer) -> None:
        self.names[host] = list(answers)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host in self.hanging:
            await asyncio.Event().wait()
        answers = self.names.get(host) or [OSError("Name or service not known")]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sock_connect(self, loop, sock, address) -> None:
        """Stands in for the event loop's own."""
        host = address[0]
        self.dialled.append(host)
        if host in self.hanging:
            await asyncio.Event().wait()
        if host not in self.places:
            raise ConnectionRefusedError(111, f"nothing listens at {host}")
        await self._connect(loop, sock, ("127.0.0.1", self.places[host].port))
