"""The backend that has Celery workers send.

A claim only reserves deliveries, for a short time. Their ids go to the broker, and the
Celery worker that gets them begins a lease of its own. What became of them is read from the
database, never from the broker. So no more is handed over than workers take, and whatever a
broker loses is reserved and handed over again.
"""

import asyncio
import logging
from asyncio import TaskGroup
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

from webhooks.delivery import outbox
from webhooks.delivery.database import DatabaseThread
from webhooks.delivery.job import Claim

from .celery_app import app, send

logger = logging.getLogger(__name__)

RESERVATION = 30.0
"""Seconds in which a Celery worker must begin. What a broker loses waits this long."""

MESSAGE = 50
"""Most deliveries in a message, so that several workers share a claim."""

LOOK = 0.1
"""Seconds between two looks at the deliveries that were handed over."""

PAUSE = 2.0
"""Seconds until a broker that was away is tried again."""


class CeleryBackend:
    """Has up to three times `concurrency` deliveries reserved or begun at once.

    While no worker takes what is handed over, it sends one message at a time: a broker
    without workers must not fill up.
    """

    name = "celery"
    is_begun = False
    lease = RESERVATION

    def __init__(
        self,
        *,
        concurrency: int,
        tasks: TaskGroup,
        claims: DatabaseThread,
        has_room: Callable[[], None],
    ) -> None:
        self.batch = min(concurrency, MESSAGE)
        # Twice as many wait as are sent: a settlement is seen here only a moment later, and
        # the workers must have something to send meanwhile.
        self._capacity = 3 * concurrency
        self._tasks = tasks
        self._claims = claims
        self._has_room = has_room
        self._is_full = False
        self._is_away = False
        self._is_answered = True
        self._handed: dict[UUID, UUID] = {}  # deliveries, each with its claim's token
        self._held: Counter[UUID] = Counter()  # by endpoint, as the last look found
        self._looking = asyncio.Lock()
        self._has_handed = asyncio.Event()
        self._broker = ThreadPoolExecutor(1, thread_name_prefix="broker")

    @property
    def held(self) -> int:
        return self._held.total()

    @property
    def room(self) -> int:
        if self._is_away:
            return 0
        if not self._is_answered:
            return self.batch - self.held
        # Half of what is free at a time, so that `full` is read again before it is used up.
        return max(min(self._free, self.batch), self._free // 2)

    @property
    def full(self) -> Collection[UUID]:
        # By the rule of endpoint_queues.py: an endpoint may hold as much as is free, less a
        # batch for the others.
        most = max(0, self._free - self.batch)
        return [id for id, count in self._held.items() if count > most]

    @property
    def _free(self) -> int:
        return self._capacity - self.held

    async def __aenter__(self) -> Self:
        self._watching = self._tasks.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._watching.cancel()
        self._broker.submit(app.close)
        self._broker.shutdown(wait=False)

    def prepare(self, claim: Claim) -> Claim:
        return claim

    async def take(self, prepared: Claim) -> None:
        claim = prepared
        self._handed.update(dict.fromkeys(claim.ids, claim.token))
        for start in range(0, len(claim.ids), self.batch):
            ids = claim.ids[start : start + self.batch]
            try:
                await self._publish(claim.token, ids)
            except Exception as error:  # noqa: BLE001 - of whichever library it is
                logger.warning(
                    "The broker is away; next try in %.0f s: %s", PAUSE, error
                )
                await self._give_back(
                    Claim(claim.token, claim.ids[start:], claim.until)
                )
                break
        await self._look()
        self._has_handed.set()

    async def drain(self, *, within: float) -> None:
        """Nothing to do: the Celery workers go on without their claimer."""

    async def _publish(self, token: UUID, ids: Sequence[UUID]) -> None:
        await asyncio.get_running_loop().run_in_executor(
            self._broker, send.delay, str(token), [str(id) for id in ids]
        )

    async def _give_back(self, claim: Claim) -> None:
        """Give a claim back, and take no more for a while.

        The message may have arrived all the same, and only its answer was lost. Then what
        a worker has begun stays with it; a worker that begins later finds nothing."""
        self._is_away = True
        asyncio.get_running_loop().call_later(PAUSE, self._try_again)
        for id in claim.ids:
            self._handed.pop(id, None)  # a look may have found it settled
        await self._claims.run(partial(self._release, claim))

    @staticmethod
    def _release(claim: Claim) -> None:
        unbegun = outbox.begin(token=claim.token, ids=claim.ids)
        outbox.release(outbox.load(unbegun))

    def _try_again(self) -> None:
        self._is_away = False
        self._is_answered = False
        self._note_room()

    async def _watch(self) -> None:
        while True:
            await self._has_handed.wait()
            await asyncio.sleep(LOOK)
            await self._look()
            if not self._handed:
                self._has_handed.clear()

    async def _look(self) -> None:
        async with self._looking:
            handed = dict(self._handed)
            rows = await self._claims.run(partial(outbox.claim_statuses, list(handed)))
            held: Counter[UUID] = Counter()
            is_taken = is_lapsed = False
            for id, token in handed.items():
                row = rows.get(id)
                if row is not None and row.token == token and row.is_leased:
                    held[row.endpoint_id] += 1
                    is_taken |= row.is_begun
                    continue
                # Settled, given back, or its claim ran out and may be another's now.
                is_taken |= row is None or row.token is None
                is_lapsed |= row is not None and row.token == token and not row.is_begun
                if self._handed[id] == token:
                    del self._handed[id]
            self._held = held
            self._note_answer(is_taken=is_taken, is_lapsed=is_lapsed)
            self._note_room()

    def _note_answer(self, *, is_taken: bool, is_lapsed: bool) -> None:
        if is_taken:
            self._is_answered = True
        elif is_lapsed and self._is_answered:
            self._is_answered = False
            logger.warning(
                "No Celery worker took what was handed to the broker: the message was lost, "
                "or no worker runs. It is handed over again."
            )

    def _note_room(self) -> None:
        """Call this after every change of `room`, or the worker waits for ever."""
        was_full, self._is_full = self._is_full, self.room < self.batch
        if was_full and not self._is_full:
            self._has_room()
