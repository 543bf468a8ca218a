"""Requests that are made again: their work is done once, and answered as the first time.

The answer is written in the transaction of the work, so neither exists without the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from webhooks.delivery.scheduler import PeriodicTask
from webhooks.models import Answer, Partner, ids

KEPT = timedelta(hours=24)
"""A client that never saw the answer asks again within moments, or after a night."""

_BATCH = 1000


class KeyReused(Exception):
    """The partner used the key for another request."""


@dataclass(frozen=True)
class Answered:
    text: str
    is_repeat: bool


def once(
    *, partner: Partner, key: str, fingerprint: str, do: Callable[[], str]
) -> Answered:
    """What `do` returns, or returned when the partner first used `key`.

    Of two at once the second waits for the first. Raises KeyReused, and what `do`
    raises, which leaves the key unused.
    """
    if found := _repeated(partner, key, fingerprint):
        return found
    try:
        with transaction.atomic():
            answer = Answer.objects.create(
                partner=partner, key=key, fingerprint=fingerprint
            )
            text = do()
            answer.seal(text)
            answer.save(update_fields=["sealed"])
    except IntegrityError:
        if found := _repeated(partner, key, fingerprint):
            return found
        raise
    return Answered(text, is_repeat=False)


def forget(*, now: datetime) -> bool:
    """Drop answers that are older than KEPT, a batch; whether there are more."""
    old = Answer.objects.filter(id__lt=ids.before(now - KEPT)).order_by("id")
    batch = list(old.values_list("id", flat=True)[:_BATCH])
    Answer.objects.filter(id__in=batch).delete()
    return len(batch) == _BATCH


def _repeated(partner: Partner, key: str, fingerprint: str) -> Answered | None:
    answer = Answer.objects.filter(partner=partner, key=key).first()
    if answer is None:
        return None
    if answer.fingerprint != fingerprint:
        raise KeyReused(key)
    return Answered(answer.reveal(), is_repeat=True)


PERIODIC_TASK = PeriodicTask(
    name="answers", every=600, run=lambda: forget(now=timezone.now())
)
