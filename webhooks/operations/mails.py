"""Mails to the contacts of partners: written with the change they report, sent later.

A worker sends them one at a time, as a periodic task. Sending is at least once: a worker that
dies between the mail server's yes and the note of it sends again, under the same
Message-ID.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse

from webhooks.delivery.endpoint_notifications import EndpointNotification
from webhooks.delivery.periodic_tasks import PeriodicTask
from webhooks.models import Endpoint, Notice, Partner

from .hidden_characters import HIDDEN

logger = logging.getLogger(__name__)

DISABLED = "endpoint.disabled"

MOST_LISTED = 20
"""Endpoints that one mail lists; it says how many more there are."""

LEASE = timedelta(minutes=5)
"""Longer than a mail server may take, so that nobody else sends meanwhile."""

WAITS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 6 * 60, 12 * 60)
)
"""After each try that failed; after the next it is not tried again, a day later."""


def queue_disabled(disabled: Iterable[tuple[Endpoint, EndpointNotification]]) -> None:
    """Queue a mail to each partner about its endpoints; in the caller's transaction.

    One mail for all that were disabled at once. None where the partner is inactive or has no address.
    """
    by_partner: dict[Partner, list[tuple[Endpoint, EndpointNotification]]] = (
        defaultdict(list)
    )
    for endpoint, notification in disabled:
        partner = endpoint.subscription.partner
        if partner.is_active and partner.contact_email:
            by_partner[partner].append((endpoint, notification))
    Notice.objects.bulk_create(
        Notice(
            partner=partner,
            kind=DISABLED,
            to=partner.contact_email,
            context={
                "partner": partner.name,
                "endpoints": [_context(*one) for one in those[:MOST_LISTED]],
                "more": max(0, len(those) - MOST_LISTED),
            },
            created_at=those[0][1].at,
            due_at=those[0][1].at,
        )
        for partner, those in by_partner.items()
    )


def send_next() -> bool:
    """Send the mail that has been due longest; False when none is.

    Claimed in one transaction and noted in another, with none held while it is sent.
    """
    notice = _claim()
    if notice is None:
        return False
    try:
        _message(notice).send()
    except Exception as error:
        logger.warning("The mail %s was not sent.", notice.id, exc_info=error)
        _note_failure(notice, error)
    else:
        _mine(notice).update(sent_at=Now(), due_at=None, error="")
    return True


PERIODIC_TASK = PeriodicTask("send mails", 5.0, send_next)


def _claim() -> Notice | None:
    with transaction.atomic():
        notice = (
            Notice.objects.filter(due_at__lte=Now())
            .order_by("due_at", "id")
            .select_for_update(
                skip_locked=connection.features.has_select_for_update_skip_locked
            )
            .first()
        )
        if notice is not None:
            notice.attempts += 1
            Notice.objects.filter(id=notice.id).update(
                attempts=notice.attempts, due_at=Now() + LEASE
            )
    return notice


def _mine(notice: Notice) -> Any:
    """The row while nobody else has claimed it: every claim counts."""
    return Notice.objects.filter(id=notice.id, attempts=notice.attempts)


def _note_failure(notice: Notice, error: Exception) -> None:
    # What a mail server says comes from elsewhere; no database stores U+0000 in text.
    text = f"{type(error).__name__}: {error}".replace("\0", "\N{REPLACEMENT CHARACTER}")
    is_last = notice.attempts > len(WAITS)
    _mine(notice).update(
        error=text[:300],
        due_at=None if is_last else Now() + WAITS[notice.attempts - 1],
    )


def _message(notice: Notice) -> EmailMessage:
    context = _printable(notice.context) | {"documents": _documents(notice)}
    template = f"emails/{notice.kind}"
    subject = render_to_string(f"{template}.subject.txt", context)
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    return EmailMessage(
        subject=" ".join(subject.split()),
        body=render_to_string(f"{template}.txt", context),
        to=[notice.to],
        headers={
            "Message-ID": f"<{notice.id}@{domain}>",
            "Auto-Submitted": "auto-generated",
        },
    )


def _documents(notice: Notice) -> list[str]:
    """Where the partner reads how its settings are changed, if the portal knows where it
    stands itself. The console is for staff: a partner has no use for a link to it."""
    if not settings.PORTAL_URL:
        return []
    dialects = {endpoint["dialect"] for endpoint in notice.context["endpoints"]}
    return [
        f"{settings.PORTAL_URL}{reverse('front:swagger', args=[dialect])}"
        for dialect in sorted(dialects)
    ]


def _context(endpoint: Endpoint, notification: EndpointNotification) -> dict[str, Any]:
    since = notification.failing_since
    return {
        "url": endpoint.url,
        "dialect": endpoint.subscription.dialect,
        "subscription": str(endpoint.subscription),
        "reason": notification.reason,
        "since": since.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if since else "",
    }


def _printable(context: Mapping[str, Any]) -> dict[str, Any]:
    """With every text on one line and nothing hidden in it: names and URLs are others'
    words, and must not pass for lines of ours."""
    return {key: _in_a_line(value) for key, value in context.items()}


def _in_a_line(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(HIDDEN.sub(" ", value).split())
    if isinstance(value, list):
        return [_in_a_line(item) for item in value]
    return _printable(value) if isinstance(value, dict) else value
