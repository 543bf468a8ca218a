"""Partners: created, changed, switched off and on, explored by staff."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from webhooks.models import Partner

from . import audit, limits

_AUDITED = ("name", "contact_email", "is_active", "limits")


class NameTaken(Exception):
    """Another partner already has this name."""


class Overtaken(Exception):
    """Somebody else changed the partner in the meantime; `current` is how it is now."""

    def __init__(self, current: Partner) -> None:
        super().__init__(current.id)
        self.current = current


def create(*, by: audit.Actor, name: str, contact_email: str = "") -> Partner:
    """Raises NameTaken."""
    partner = Partner(name=name, contact_email=contact_email, created_at=timezone.now())
    try:
        with transaction.atomic():
            partner.save(force_insert=True)
            after = _state(partner)
            audit.record(by=by, action="partner.created", target=partner, after=after)
    except IntegrityError:
        raise NameTaken(name) from None
    return partner


def update(
    *,
    by: audit.Actor,
    partner: Partner,
    seen: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Partner:
    """Change `name`, `contact_email`, `is_active` or `limits`; raises NameTaken and
    Overtaken.

    While a partner is inactive its keys are refused and new events are not sent to it.
    `limits` are those that are other for this partner than the settings say, by their names;
    they replace all that were. What it has beyond one stays. `seen` is what the caller knows
    of the fields that it has looked at.
    """
    _check_overrides(changes.get("limits", {}))
    new_values = {field: changes[field] for field in _AUDITED if field in changes}
    try:
        with transaction.atomic():
            locked = Partner.objects.select_for_update().get(id=partner.id)
            before = _state(locked)
            if any(before[field] != value for field, value in (seen or {}).items()):
                raise Overtaken(locked)
            _set(locked, new_values)
            locked.save(update_fields=list(new_values))
            audit.record(
                by=by,
                action="partner.updated",
                target=locked,
                before=before,
                after=_state(locked),
            )
    except IntegrityError:
        raise NameTaken(new_values.get("name")) from None
    _set(partner, _state(locked))
    return partner


def begin_exploring(*, by: audit.Actor, partner: Partner) -> None:
    """Note that the member of staff `by` calls the APIs as `partner` from now on. What is
    explored lives in the browser's session, and what is written is an operation by them."""
    audit.record(by=by, action="partner.explored", target=partner)


def end_exploring(*, by: audit.Actor, partner: Partner) -> None:
    """Note that `by` calls the APIs as `partner` no longer."""
    audit.record(by=by, action="partner.left", target=partner)


def _set(partner: Partner, values: Mapping[str, Any]) -> None:
    for field, value in values.items():
        setattr(partner, field, value)


def _state(partner: Partner) -> dict[str, Any]:
    values = {field: getattr(partner, field) for field in _AUDITED}
    return {**values, "limits": partner.limits or {}}


def _check_overrides(overrides: Mapping[str, int]) -> None:
    """Raises ValueError for the name of no limit, and for a number that is none."""
    known = {limit.name for limit in limits.EVERY}
    for name, number in overrides.items():
        if name not in known or not 0 <= number <= limits.MOST:
            raise ValueError(f"{name}={number}")
