"""What the processes of an abuse soak know of its portal."""

from dataclasses import dataclass

ORDER = "order.created"
SIGNUP = "customer.created"
"""What BLAZE calls NEW_CONSUMER_SIGNUP."""
EXPENSIVE = "inventory.counted"
"""An event type whose schema compares every item with every other."""


@dataclass(frozen=True)
class Scene:
    """Ids and keys, as the other processes get them."""

    healthy: str
    healthy_key: str
    hook: str
    abuser: str
    abuser_key: str
    abuser_key_id: str
    publisher_key: str
