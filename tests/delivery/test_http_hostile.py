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

TIMEOUT = 1.0
ALONE = 1.0  # seconds in which only the healthy receiver is called
TOGETHER = 3.0
HEALTHY = 20  # posts under way to it
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


async def _post(client: Client, url: str, body: bytes = b"{}") -> tuple[str, float]:
    result = await post(client, url, body=body, timeout=TIMEOUT)
    return result.outcome, result.duration


async def _healthy(client: Client, url: str, done: list[float]) -> None:
    while True:
        outcome, _ = await _post(client, url)
        assert outcome == "ok"
        done.append(time.monotonic())


async def _attacked(
    client: Client, urls: Sequence[str]
) -> tuple[float, dict[str, Counter[str]], float, Turns]:
    """The rate of healthy posts together, over that alone; what became of the others, the
    longest of them, and the turns meanwhile."""
    done: list[float] = []
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

    async def rate(seconds: float) -> float:
        """Healthy posts for each second that this thread has computed."""
        began = len(done), time.thread_time()
        await asyncio.sleep(seconds)
        return (len(done) - began[0]) / (time.thread_time() - began[1])

    good, *bad = urls
    tasks = [asyncio.create_task(_healthy(client, good, done)) for _ in range(HEALTHY)]
    await asyncio.sleep(0.2)
    alone = await rate(ALONE)
    tasks += [asyncio.create_task(suffer(url)) for url in bad]
    tasks.append(asyncio.create_task(turns.watch()))
    together = await rate(TOGETHER)
    for task in tasks:
        assert not task.done(), task
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return together / alone, outcomes, longest, turns


@pytest.mark.alone
def test_what_receivers_do_costs_a_slot_and_a_share_of_the_time(
    authority: Authority, tmp_path
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
        share, outcomes, longest, turns = asyncio.run(attacked(good, bad, tls))

    for name, case in hostile.CASES.items():
        assert outcomes[name], f"{name} was never over"
        # The process of the hostile ones is busy, and may be what is too slow.
        expected = case.outcomes | {hostile.OVER}
        assert set(outcomes[name]) <= expected, (name, outcomes[name])
    late = 4 * turns.by_the_clock  # while the machine had no time for this process
    assert longest < 2 * TIMEOUT + late, "deadlines are kept"
    assert turns.longest < 0.1, "nothing holds up the event loop"
    # By their slots it would be a quarter, if the hostile ones took none of the machine. A
    # client that they can stop leaves a thousandth.
    assert share > 0.01, "the healthy ones have their share of the time"
