"""What a claimer makes of a broker whose answers get lost on their way."""

import asyncio
import time
from uuid import UUID

import pytest
from django.db import connection

from tests.delivery.backlog import publish, subscription
from tests.delivery.settlements import result
from webhooks.delivery import outbox
from webhooks.delivery.backends import celery
from webhooks.delivery.database import DatabaseThread
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db(transaction=True)


class Broker:
    """Takes a first message as it should. The second gets through too, and a worker
    begins it and perhaps settles it, but the answer to the claimer is lost."""

    def __init__(self, *, is_settled: bool) -> None:
        self._is_settled = is_settled
        self._count = 0

    def delay(self, token: str, ids: list[str]) -> None:
        self._count += 1
        if self._count == 1:
            return
        try:
            claim = outbox.begin(token=UUID(token), ids=[UUID(id) for id in ids])
            if self._is_settled:
                outbox.settle([result(job) for job in outbox.load(claim)])
        finally:
            connection.close()
        time.sleep(3 * celery.LOOK)
        raise OSError("the connection is gone")


@pytest.mark.parametrize("is_settled", [True, False])
def test_a_message_that_got_through_without_an_answer_is_left_to_its_worker(
    monkeypatch, is_settled
):
    monkeypatch.setattr(celery, "send", Broker(is_settled=is_settled))
    hook = subscription("https://receiver.example.com/hook")
    (first,), (second,) = publish(hook), publish(hook)

    async def hand_over():
        claims = DatabaseThread("claim")
        try:
            async with (
                asyncio.TaskGroup() as tasks,
                celery.CeleryBackend(
                    concurrency=1,
                    tasks=tasks,
                    claims=claims,
                    has_room=lambda: None,
                ) as backend,
            ):
                for _ in range(2):
                    claim = await claims.run(
                        lambda: outbox.claim(limit=1, lease=30, is_begun=False)
                    )
                    await backend.take(claim)
        finally:
            claims.close()

    asyncio.run(hand_over())

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.is_begun) == ("pending", False)
    assert (second.state, second.is_begun) == (
        ("delivered", False) if is_settled else ("pending", True)
    )
    assert Delivery.objects.filter(claim_token__isnull=False).count() == 2 - is_settled
