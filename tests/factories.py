"""Rows for tests, made through the operations that make them in the product."""

import itertools
from typing import Any

from webhooks.models import ApiKey, Partner, Subscription
from webhooks.operations import keys, limits, partners, subscriptions
from webhooks.operations.audit import SYSTEM
from webhooks.rest import interfaces

_numbers = itertools.count(1)


def partner(**fields: Any) -> Partner:
    fields.setdefault("name", f"Partner {next(_numbers)}")
    is_active = fields.pop("is_active", True)
    made = partners.create(by=SYSTEM, **fields)
    if not is_active:
        partners.update(by=SYSTEM, partner=made, is_active=False)
    return made


def unlimited(partner: Partner) -> Partner:
    """The same partner, which may have more of everything than a test makes."""
    partner.limits = {limit.name: 10**6 for limit in limits.EVERY}
    partner.save(update_fields=["limits"])
    return partner


def key(of: Partner | None, **fields: Any) -> tuple[ApiKey, str]:
    """A key and its text; without a partner, a publisher's."""
    return keys.issue(by=SYSTEM, partner=of, **fields)


def _profile_of(dialect: str) -> str:
    interface = interfaces.get(dialect)
    return interface.profile.name if interface else dialect


def subscription(of: Partner, dialect: str, **fields: Any) -> Subscription:
    """A subscription as it stands after a dialect has created it."""
    place = subscriptions.SubscriptionIdentity(
        partner=of,
        dialect=dialect,
        profile=fields.pop("profile", None) or _profile_of(dialect),
        public_id=fields.pop("public_id", None),
        api_key=fields.pop("api_key", None),
        is_singleton=fields.pop("is_singleton", False),
    )
    fields.setdefault("urls", ["https://receiver.example.com/hook"])
    return subscriptions.create(by=SYSTEM, identity=place, **fields)
