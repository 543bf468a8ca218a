"""Requests that are sent again: the work is done once, and each gets the same answer.

A request carries an idempotency key: the header of an API, or a hidden field of a form. An
event has a key of its own beside it, in events.py. The first request with the key writes a row for it before it does its work,
and its answer after it, all in one transaction. The key is unique, so a second request waits
for that transaction and then finds the answer.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from webhooks.delivery.periodic_tasks import PeriodicTask
from webhooks.models import Answer, Partner, encryption, ids

from . import limits

logger = logging.getLogger(__name__)

KEPT = timedelta(hours=24)
"""A client that never saw the answer asks again within moments, or after a night."""

_BATCH = 1000


class KeyReused(Exception):
    """The key was used for another request."""


class AnswerUnreadable(Exception):
    """The work was done when the key was first used, and what was answered cannot be read."""


@dataclass(frozen=True)
class Answered:
    text: str
    is_repeat: bool


def once(
    *, partner: Partner | None, key: str, fingerprint: str, do: Callable[[], str]
) -> Answered:
    """The result of `do`, or its result when the key was first used.

    A key belongs to a partner; without one it is of a form for staff. An empty text is no
    answer: it leaves the key unused. So does what `do` raises. Raises KeyReused,
    AnswerUnreadable, limits.LimitReached where the partner has as many answers kept as it
    may, and what `do` raises.
    """
    if found := _repeated(partner, key, fingerprint):
        return found
    if partner is not None:
        _check_room(partner)
    try:
        with transaction.atomic():
            answer = Answer.objects.create(
                partner=partner, key=key, fingerprint=fingerprint
            )
            if text := do():
                answer.seal(text)
                answer.save(update_fields=["sealed"])
            else:
                answer.delete()
    except IntegrityError:
        if found := _repeated(partner, key, fingerprint):
            return found
        raise
    return Answered(text, is_repeat=False)


def _check_room(partner: Partner) -> None:
    """Takes no lock, which `do` would hold all the while: of many at once each may be let
    in. Raises LimitReached."""
    most = limits.IDEMPOTENCY_KEYS.of(partner)
    if Answer.objects.filter(partner=partner)[:most].count() >= most:
        wait = int(PERIODIC_TASK.every)
        raise limits.LimitReached(limits.IDEMPOTENCY_KEYS, most, wait=wait)


def forget() -> bool:
    """Drop answers that are older than KEPT, a batch; whether there are more."""
    old = Answer.objects.filter(id__lt=ids.before(timezone.now() - KEPT)).order_by("id")
    batch = list(old.values_list("id", flat=True)[:_BATCH])
    Answer.objects.filter(id__in=batch).delete()
    return len(batch) == _BATCH


def is_kept(made: UUID) -> bool:
    """Whether an answer to a request is still there, if there was one. `made` is a
    time-ordered id that was made before the request was first sent."""
    return made >= ids.before(timezone.now() - KEPT)


def _repeated(partner: Partner | None, key: str, fingerprint: str) -> Answered | None:
    answer = Answer.objects.filter(partner=partner, key=key).first()
    if answer is None:
        return None
    if answer.fingerprint != fingerprint:
        raise KeyReused(key)
    try:
        return Answered(answer.reveal(), is_repeat=True)
    except encryption.Undecryptable as error:
        logger.error("Answer %s cannot be given again: %s", answer.id, error)
        raise AnswerUnreadable from error


PERIODIC_TASK = PeriodicTask(name="answers", every=600, run=forget)
