"""The recording receiver, a process of its own: `python -m tests.soak.receiver`.

Every request is verified by a library that is not ours and appended to a file before it
is answered. Then the receiver misbehaves, by the seed: it hangs up after having recorded,
answers 500, or lets the sender wait. No delivery is failed more than `MOST_FAULTS` times,
so that all of them arrive well within the schedule.
"""

import argparse
import asyncio
import hashlib
import json
import random
import re
import time
from collections import Counter
from pathlib import Path
from typing import TextIO

import stripe
from aiohttp import web
from standardwebhooks import Webhook

from .apps import TIMEOUT

SECRETS = {
    "standard": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "topiic": "tss_Q7b0yJ3Yp1mB8nZ5tV2kX6wR9cF4hL0s",
}
EVENT_ID = {"standard": "webhook-id", "topiic": "Topiic-Event-Id"}

FAULTS = {"error": 0.04, "drop": 0.04, "slow": 0.03, "too slow": 0.01}
DELAYS = {"slow": TIMEOUT / 2, "too slow": TIMEOUT * 2}  # seconds
LONGEST_DELAY = 0.4
"""Seconds of the others: whatever is killed has something under way."""

MOST_FAULTS = 3

OUTAGE, OUTAGE_REQUESTS = "/standard/1", 15
"""A third of the way through it fails so many requests in a row: a breaker opens, and
some probes fail too."""

_NUMBER = re.compile(rb'"number":(\d+)')


class Receiver:
    def __init__(self, *, log: TextIO, seed: int, events: int) -> None:
        self._log = log
        self._seed = seed
        self._outage_from = events // 3
        self._outage_left = OUTAGE_REQUESTS
        self._arrivals: Counter[tuple[int, str]] = Counter()
        self._faults: Counter[tuple[int, str]] = Counter()
        self._count = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        scheme = request.path.split("/")[1]
        found = _NUMBER.search(body)
        number = int(found[1]) if found else -1
        answer = self._answer(number, request.path)
        self._count += 1
        record = {
            "arrival": self._count,
            "at": time.time(),
            "path": request.path,
            "event": request.headers.get(EVENT_ID.get(scheme, ""), ""),
            "number": number,
            "body": hashlib.sha256(body).hexdigest(),
            "refused": _why_refused(scheme, body, request),
            "answer": answer,
        }
        self._log.write(json.dumps(record) + "\n")
        self._log.flush()
        name = {"x-arrival": str(self._count)}
        await asyncio.sleep(DELAYS.get(answer, random.uniform(0, LONGEST_DELAY)))
        if answer == "drop" and request.transport is not None:
            request.transport.abort()
        return web.Response(status=500 if answer == "error" else 200, headers=name)

    def _answer(self, number: int, path: str) -> str:
        key = number, path
        self._arrivals[key] += 1
        if path == OUTAGE and number >= self._outage_from and self._outage_left:
            self._outage_left -= 1
            answer = "error"
        elif self._faults[key] >= MOST_FAULTS:
            answer = "ok"
        else:
            # Its own draw for each arrival: what arrives when is not the seed's to say.
            draw = random.Random(f"{self._seed} {key} {self._arrivals[key]}")
            weights = [*FAULTS.values(), 1 - sum(FAULTS.values())]
            (answer,) = draw.choices([*FAULTS, "ok"], weights)
        self._faults[key] += answer in FAULTS
        return answer


def _why_refused(scheme: str, body: bytes, request: web.BaseRequest) -> str:
    """What the independent verifier says against it; empty when it is genuine."""
    try:
        if scheme == "topiic":
            stripe.WebhookSignature.verify_header(
                body.decode(), request.headers["Topiic-Signature"], SECRETS[scheme], 60
            )
        else:
            Webhook(SECRETS[scheme]).verify(body, dict(request.headers))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not genuine
        return f"{type(error).__name__}: {error}"
    return ""


async def _serve(log: Path, seed: int, events: int) -> None:
    with log.open("a") as file:
        server = web.Server(Receiver(log=file, seed=seed, events=events).handle)
        runner = web.ServerRunner(server)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(runner.addresses[0][1], flush=True)  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--events", type=int, required=True)
    asyncio.run(_serve(**vars(parser.parse_args())))
