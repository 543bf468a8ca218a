"""Encryption keys and peppers that stored data needs and the settings lack.

Without its encryption key a delivery cannot be signed, and without its pepper an API key is
refused, so nothing starts without them. Rows that nobody will need again do not count.
"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet, Value
from django.db.models.functions import Left, StrIndex
from django.utils import timezone

from webhooks.models import (
    Answer,
    ApiKey,
    Authenticator,
    Delivery,
    SigningSecret,
    encryption,
    ids,
    keyformat,
)

from . import idempotency

_TRIED = 5
"""Rows of a key that are decrypted. One alone may have been altered."""


MOST_LOOKED_AT = 100_000
"""Pending deliveries that are looked through for those that wait for a key: no index finds
them, and millions may be pending."""


_WAITING = """
SELECT count(*) FROM (
    SELECT reason FROM webhooks_delivery WHERE state = 'pending' LIMIT %s
) AS pending WHERE reason = %s
"""


def count_waiting_deliveries() -> int:
    """How many deliveries a worker could not sign, for want of an encryption key."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [MOST_LOOKED_AT, Delivery.WAITS_FOR_KEY])
        count: int = cursor.fetchone()[0]
    return count


def found() -> list[str]:
    """A sentence on each; empty when everything can be read.

    Reads each signing secret and usable key once: made for the start of a process. Raises
    DatabaseError when the tables are not there.
    """
    return [*_encryption_keys(), *_peppers()]


def _encryption_keys() -> Iterator[str]:
    now = timezone.now()
    live = SigningSecret.objects.live(now).filter(subscription__deleted_at=None)
    answers = Answer.objects.filter(id__gte=ids.before(now - idempotency.KEPT))
    stored: tuple[tuple[str, QuerySet[Any], str], ...] = (
        ("signing secrets", live, SigningSecret.SEALED),
        ("second factors", Authenticator.objects.all(), Authenticator.SEALED),
        ("stored answers", answers, Answer.SEALED),
    )
    for noun, rows, field in stored:
        name = Left(field, StrIndex(field, Value(":")) - 1)
        names = rows.order_by().annotate(_name=name).values_list("_name", flat=True)
        for used in sorted(names.distinct()):
            if used not in settings.ENCRYPTION_KEYS:
                yield f"ENCRYPTION_KEYS lacks the key {used!r}, which {noun} need."
            elif not _opens(rows.filter(**{f"{field}__startswith": f"{used}:"})):
                yield (
                    f"ENCRYPTION_KEYS has another key under the name {used!r} than the "
                    f"one that {noun} need."
                )


def _opens(rows: QuerySet[Any]) -> bool:
    for row in rows[:_TRIED]:
        try:
            row.reveal()
        except encryption.Undecryptable:
            continue
        return True
    return False


def _peppers() -> Iterator[str]:
    usable = ApiKey.objects.usable_at(timezone.now()).order_by()
    for number in sorted(usable.values_list("pepper", flat=True).distinct()):
        if number not in keyformat.peppers():
            yield f"KEY_PEPPERS lacks the pepper {number}, which usable API keys need."
