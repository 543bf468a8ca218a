"""`python -m benchmarks.cost.fixed_run bytecodes|instructions` does the same small run each
time, over a SQLite database with what it delivers, and prints how often each part was done
and the bytecodes of it. A line of stdin has what `fill` and `dialect_rows` printed, as `filled`
and `read`. Once caches are filled it prints `ready`, and waits for another line.

One request is under way at a time, and nothing waits for a clock, so that two runs take the
same steps. The loop of the worker does wait for clocks, so it is not part of the run.
"""

import asyncio
import gc
import json
import os
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import BytesIO
from types import FrameType
from typing import Any
from wsgiref.util import setup_testing_defaults

import django

django.setup()

from benchmarks import event  # noqa: E402
from benchmarks.cost import DELIVERIES, REQUESTS  # noqa: E402
from portal.wsgi import application  # noqa: E402
from webhooks.delivery import attempt, egress_settings, outbox  # noqa: E402
from webhooks.delivery.client import Client  # noqa: E402
from webhooks.delivery.job import Job, Settlement  # noqa: E402

Counting = Callable[[str, int], AbstractContextManager[None]]


class Bytecodes:
    """Python counts."""

    def __init__(self) -> None:
        self.counted: dict[str, tuple[int, int]] = {}

    @contextmanager
    def counting(self, part: str, times: int) -> Iterator[None]:
        self._count = 0
        sys.settrace(self._trace)
        try:
            yield
        finally:
            sys.settrace(None)
        self.counted[part] = times, self._count

    def _trace(self, frame: FrameType, occurred: str, _: object) -> Any:
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        if occurred == "opcode":
            self._count += 1
        return self._trace


class Instructions:
    """Callgrind counts; it writes what it counted whenever the process calls `getsid`."""

    def __init__(self) -> None:
        self.counted: dict[str, tuple[int, int]] = {}

    @contextmanager
    def counting(self, part: str, times: int) -> Iterator[None]:
        os.getsid(0)
        try:
            yield
        finally:
            os.getsid(0)
        self.counted[part] = times, 0


def main(kind: str) -> None:
    made = json.loads(sys.stdin.readline())
    meter = {"bytecodes": Bytecodes, "instructions": Instructions}[kind]()
    loop = asyncio.new_event_loop()
    _all_parts(made, loop, lambda part, times: nullcontext())
    gc.collect()
    gc.freeze()
    gc.disable()
    _wait_to_begin()
    _all_parts(made, loop, meter.counting)
    print(json.dumps(meter.counted))


def _wait_to_begin() -> None:
    print("ready", flush=True)
    # Valgrind looks for orders now and then while a process works, and not while it sleeps.
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        pass
    sys.stdin.readline()


def _all_parts(
    made: dict[str, Any], loop: asyncio.AbstractEventLoop, counting: Counting
) -> None:
    _deliver(loop, counting)
    _get(made["read"], counting)
    _publish(made["filled"], counting)


def _deliver(loop: asyncio.AbstractEventLoop, counting: Counting) -> None:
    with counting("claim and load", DELIVERIES):
        jobs = outbox.load(outbox.claim(limit=DELIVERIES))
    assert len(jobs) == DELIVERIES
    settlements: list[Settlement] = []
    # A client of its own: a connection from before might have been idle for too long.
    client = Client(egress_settings.current())
    loop.run_until_complete(client.__aenter__())
    with counting("attempt", DELIVERIES):
        loop.run_until_complete(_attempts(jobs, client, settlements))
    loop.run_until_complete(client.__aexit__(None, None, None))
    assert {s.status for s in settlements} == {200}
    with counting("settlement", DELIVERIES):
        outbox.settle(settlements)


async def _attempts(
    jobs: Sequence[Job], client: Client, settlements: list[Settlement]
) -> None:
    for job in jobs:
        settlements.append(await attempt.make(job, client))  # noqa: PERF401


def _get(made: dict[str, Any], counting: Counting) -> None:
    for dialect, read in made["reads"].items():
        with counting(f"GET in {dialect}", REQUESTS):
            for _ in range(REQUESTS):
                assert _answered("GET", read["path"], made["key"]) == "200 OK"


def _publish(made: dict[str, Any], counting: Counting) -> None:
    body = {"partner": made["partners"][0], "type": event.TYPE, "data": event.DATA}
    sent = json.dumps(body).encode()
    with counting("publish", REQUESTS):
        for _ in range(REQUESTS):
            status = _answered("POST", "/api/portal/v1/events", made["key"], sent)
            assert status == "202 Accepted", status


def _answered(method: str, path: str, key: str, body: bytes = b"") -> str:
    """The status of the application's answer."""
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    setup_testing_defaults(environ)
    statuses = []
    answer = application(environ, lambda status, _: statuses.append(status))
    b"".join(answer)
    answer.close()
    return str(statuses[0])


if __name__ == "__main__":
    main(sys.argv[1])
