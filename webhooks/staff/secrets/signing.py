"""How the deliveries of a subscription are signed, for its pages."""

from dataclasses import dataclass
from datetime import datetime

from webhooks.delivery import wire
from webhooks.models import Subscription
from webhooks.operations import secrets


@dataclass(frozen=True)
class Signing:
    is_known: bool
    """Whether its wire profile is installed: only that knows whether anything is signed."""
    is_signed: bool
    signs_with_all: bool
    """Whether the signatures of several secrets fit into its headers."""
    secrets: list[secrets.Masked]


def of(subscription: Subscription, *, now: datetime) -> Signing:
    """One statement."""
    profile = wire.profiles().get(subscription.profile)
    is_signed = profile is not None and profile.new_secret is not None
    return Signing(
        is_known=profile is not None,
        is_signed=is_signed,
        signs_with_all=profile is not None and profile.signs_with_every_secret,
        secrets=secrets.listed(subscription, now=now),
    )
