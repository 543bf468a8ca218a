"""Partners: created, changed, switched off and on."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from webhooks.models import Partner

from . import audit

_AUDITED = ("name", "contact_email", "is_active")


class NameTaken(Exception):
    """Another partner already has this name."""


def create(
    *, by: audit.Actor, name: str, now: datetime, contact_email: str = ""
) -> Partner:
    """Raises NameTaken."""
    partner = Partner(name=name, contact_email=contact_email, created_at=now)
    _save(by=by, partner=partner, action="partner.created", now=now, before=None)
    return partner


def update(
    *, by: audit.Actor, partner: Partner, now: datetime, **changes: Any
) -> Partner:
    """Change `name`, `contact_email` or `is_active`; raises NameTaken.

    While a partner is inactive its keys are refused and it is told of nothing new.
    """
    before = _state(partner)
    for field in changes.keys() & set(_AUDITED):
        setattr(partner, field, changes[field])
    _save(by=by, partner=partner, action="partner.updated", now=now, before=before)
    return partner


def _save(
    *,
    by: audit.Actor,
    partner: Partner,
    action: str,
    now: datetime,
    before: dict[str, Any] | None,
) -> None:
    try:
        with transaction.atomic():
            partner.save()
            audit.record(
                by=by,
                action=action,
                at=now,
                target_type="partner",
                target_id=partner.id,
                target=partner.name,
                partner_id=partner.id,
                before=before,
                after=_state(partner),
            )
    except IntegrityError:
        raise NameTaken(partner.name) from None


def _state(partner: Partner) -> dict[str, Any]:
    return {field: getattr(partner, field) for field in _AUDITED}
