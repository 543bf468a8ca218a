"""Where a recovery can send to now, and what stands in the way."""

from dataclasses import dataclass, field

from webhooks.models import Endpoint, Partner, Subscription
from webhooks.operations import deliveries


@dataclass
class Receiving:
    """What it says is in the order of the subscriptions' names."""

    endpoints: list[Endpoint] = field(default_factory=list)
    disabled: list[Endpoint] = field(default_factory=list)
    # Subscriptions that nothing can be sent to, each with the reason.
    closed: list[tuple[Subscription, str]] = field(default_factory=list)
    # Why nothing can be sent at all.
    obstacle: str = ""


def of(partner: Partner, subscription: Subscription | None) -> Receiving:
    """Of one subscription, or of all that the partner has; two statements."""
    if subscription is None:
        rows = Subscription.objects.live().filter(partner=partner)
    else:
        rows = Subscription.objects.filter(id=subscription.id)
    found = Receiving()
    for one in deliveries.with_receivers(rows).order_by("name", "id"):
        try:
            found.endpoints += deliveries.receivers(one)
        except deliveries.NotReceiving as why:
            found.closed.append((one, str(why)))
            if subscription is not None or not partner.is_active:
                found.obstacle = str(why)
    open_ones = [endpoint.subscription_id for endpoint in found.endpoints]
    found.disabled = list(
        Endpoint.objects.live().filter(
            subscription__in=set(open_ones), disabled_at__isnull=False
        )
    )
    return found
