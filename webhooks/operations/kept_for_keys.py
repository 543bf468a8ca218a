"""What a dialect keeps for one key: handed over when the key is replaced, switched off when it
is revoked.

Everything here runs in the transaction of its caller, which holds the lock of the key.
"""

from webhooks.models import ApiKey, Subscription

from . import audit, subscriptions


def hand_over(key: ApiKey, *, to: ApiKey, by: audit.Actor) -> None:
    """Move it to the key that replaces this one."""
    for kept in Subscription.objects.live().filter(api_key=key).order_by("id"):
        locked = subscriptions.lock(kept.id, by=by)
        locked.api_key, locked.updated_at = to, subscriptions.next_moment(locked)
        if locked.public_id == str(key.id):
            locked.public_id = str(to.id)
        locked.save(update_fields=["api_key", "public_id", "updated_at"])
        audit.record(
            by=by,
            action="subscription.updated",
            target=locked,
            before={"api_key": str(key.id)},
            after={"api_key": str(to.id)},
        )


def switch_off(key: ApiKey, *, by: audit.Actor) -> None:
    """No other key could."""
    # Each is locked before it is looked at: it may be switched on at this moment.
    for kept in Subscription.objects.live().filter(api_key=key).order_by("id"):
        if subscriptions.lock(kept.id, by=by).is_active:
            subscriptions.update(by=by, subscription=kept, change={"is_active": False})
