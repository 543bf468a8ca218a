"""Fifty receivers do their worst at the same time, and the healthy one goes on.

What a receiver does costs a slot of its own and a bounded share of the event loop's time.
Times are those of the processor, so that a busy machine changes little.
"""

import asyncio
import gc
import itertools
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from tests.authority import Authority
from tests.delivery import hostile
from tests.delivery.posting import LOOPBACK, post
from webhooks.delivery.client import Client
from webhooks.delivery.http.connection import Connection

TIMEOUT = 1.0
TOGETHER = 3.0  # seconds in which all are called
HEALTHY = 20  # posts under way to it
LONGEST_READ = 0.02  # a read takes 1 ms at the most, and 60 ms of 256 KiB instead of 4
LARGE = b"x" * 8_000_000  # more than fits between two sockets
OVER_TLS = (
    "endless-continue",
    "continue-bit-by-bit",
    "head-bit-by-bit",
    "body-flood",
    "body-bit-by-bit",
    "tiny-chunks-bit-by-bit",
    "garbage-flood",
    "reads-nothing",
)


@contextmanager
def process(*arguments: str) -> Iterator[int]:
    """The port of a process that is ended afterwards."""
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield int(running.stdout.readline())
        finally:
            running.kill()


class Turns:
    """The longest turn of the event loop, in seconds: of the processor, and by the clock,
    since the machine may give the processor to somebody else."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.by_the_clock = 0.0

    async def watch(self) -> None:
        computed, began = time.thread_time(), time.monotonic()
        while True:
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.thread_time() - computed)
            self.by_the_clock = max(self.by_the_clock, time.monotonic() - began)
            computed, began = time.thread_time(), time.monotonic()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The processor time of each read of an answer, in seconds: whatever else this machine
    does, and however fast the receivers are."""
    times = []
    read = Connection.buffer_updated

    def timed(connection: Connection, nbytes: int) -> None:
        began = time.thread_time()
        read(connection, nbytes)
        times.append(time.thread_time() - began)

    monkeypatch.setattr(Connection, "buffer_updated", timed)
    return times


async def _post(client: Client, url: str, body: bytes = b"{}") -> tuple[str, float]:
    result = await post(client, url, body=body, timeout=TIMEOUT)
    return result.outcome, result.duration


async def _healthy(client: Client, url: str, done: list[str]) -> None:
    while True:
        outcome, _ = await _post(client, url)
        assert outcome == "ok"
        done.append(outcome)


async def _attacked(
    client: Client, urls: Sequence[str]
) -> tuple[int, dict[str, Counter[str]], float, Turns]:
    """The number of healthy posts; what became of the others, the longest of them, and the
    turns meanwhile."""
    done: list[str] = []
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    longest = 0.0
    turns = Turns()

    async def suffer(url: str) -> None:
        nonlocal longest
        path = url.rpartition("/")[2]
        body = LARGE if "read" in path else b"{}"
        for _ in itertools.count():
            outcome, duration = await _post(client, url, body)
            outcomes[path][outcome] += 1
            longest = max(longest, duration)

    good, *bad = urls
    tasks = [asyncio.create_task(_healthy(client, good, done)) for _ in range(HEALTHY)]
    tasks += [asyncio.create_task(suffer(url)) for url in bad]
    tasks.append(asyncio.create_task(turns.watch()))
    await asyncio.sleep(TOGETHER)
    for task in tasks:
        assert not task.done(), task
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return len(done), outcomes, longest, turns


@pytest.mark.alone
def test_what_receivers_do_costs_a_slot_and_a_share_of_the_time(
    authority: Authority, tmp_path, reads: list[float]
):
    certificate = tmp_path / "server.pem"
    certificate.write_bytes(authority.pem())

    async def attacked(good: int, bad: int, bad_tls: int):
        context = authority.trusted_by()
        async with Client(LOOPBACK, ssl_context=context) as client:
            return await _attacked(
                client,
                [
                    f"http://127.0.0.1:{good}/",
                    *(f"http://127.0.0.1:{bad}/{name}" for name in hostile.CASES),
                    *(f"https://127.0.0.1:{bad_tls}/{name}" for name in OVER_TLS),
                ],
            )

    with ExitStack() as stack:
        good = stack.enter_context(process("benchmarks.sink"))
        bad = stack.enter_context(process("tests.delivery.hostile"))
        tls = stack.enter_context(process("tests.delivery.hostile", str(certificate)))
        gc.collect()
        gc.disable()  # of all that pytest has loaded it would be the longest turn
        stack.callback(gc.enable)
        healthy, outcomes, longest, turns = asyncio.run(attacked(good, bad, tls))

    for name, case in hostile.CASES.items():
        assert outcomes[name], f"{name} was never over"
        # The process of the hostile ones is busy, and may be what is too slow.
        expected = case.outcomes | {hostile.OVER}
        assert set(outcomes[name]) <= expected, (name, outcomes[name])
    late = 4 * turns.by_the_clock  # while the machine had no time for this process
    assert longest < 2 * TIMEOUT + late, "deadlines are kept"
    assert turns.longest < 0.1, "nothing holds up the event loop"
    assert max(reads) < LONGEST_READ, "no receiver has more than a read at a turn"
    assert healthy > HEALTHY, "the healthy ones go on"
