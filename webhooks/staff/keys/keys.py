"""What a key is, in words: whether it opens, what it may do, what hangs on it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webhooks.models import ApiKey, Subscription
from webhooks.operations import keys

ACTS: Mapping[str, str] = {
    keys.READ: "Read webhook settings",
    keys.WRITE: "Create, change and delete webhook settings",
    keys.REVEAL: "See signing secrets again",
    keys.MANAGE: "List, rotate and revoke the partner's keys, through the portal's own API",
}
"""What a partner's key may do, by its scope."""


def shown(key: ApiKey) -> str:
    """The part of a key that everybody may see, as it begins the key itself."""
    return f"whk_{key.prefix}"


def state(key: ApiKey, *, at: datetime) -> str:
    if key.is_revoked:
        return "revoked"
    if key.is_expired_at(at):
        return "expired"
    if key.partner is not None and not key.partner.is_active:
        return "off"
    return "expiring" if key.expires_soon_at(at) else "usable"


def acts(key: ApiKey) -> list[str]:
    """What it may do, a sentence each."""
    if key.partner_id is None:
        return ["Publish events, for every partner"]
    return [words for scope, words in ACTS.items() if keys.may(key, scope)]


def others(key: ApiKey, *, at: datetime) -> Any:
    """The keys that open the same doors beside this one."""
    usable = ApiKey.objects.usable_at(at).filter(partner=key.partner_id, kind=key.kind)
    return usable.exclude(pk=key.pk).order_by("-created_at", "-id")


def hanging(key: ApiKey) -> Any:
    """The settings that a dialect keeps under this key's id."""
    rows = Subscription.objects.live().filter(api_key=key)
    return rows.order_by("dialect", "id")
