"""Staff who call the APIs as a partner: begun and ended, for the audit log.

What is explored lives in the browser's session; the writes made meanwhile are ordinary
operations with the member of staff as their actor.
"""

from django.db import transaction

from webhooks.models import Partner

from . import audit


def begin(*, by: audit.Actor, partner: Partner) -> None:
    """Note that `by` calls the APIs as `partner` from now on."""
    _record(by=by, partner=partner, action="partner.explored")


def end(*, by: audit.Actor, partner: Partner) -> None:
    """Note that `by` has stopped calling the APIs as `partner`."""
    _record(by=by, partner=partner, action="partner.left")


def _record(*, by: audit.Actor, partner: Partner, action: str) -> None:
    with transaction.atomic():
        audit.record(
            by=by,
            action=action,
            target=partner,
        )
