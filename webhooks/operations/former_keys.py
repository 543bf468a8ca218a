"""The former keys of a chain of rotations, whose ids lead to the key in use.

A key may replace itself as often as somebody likes, and each rotation locks the whole chain. So the
oldest are deleted; the audit log keeps what was done with them.
"""

from datetime import datetime

from webhooks.models import ApiKey, Subscription

MOST = 100


def forget(latest: ApiKey, *, at: datetime) -> None:
    """Delete those that `latest` has replaced and that have ended, beyond the last MOST.

    In the caller's transaction, which has locked them."""
    former = ApiKey.objects.filter(replaced_by=latest).order_by("-created_at", "-id")
    rest = list(former.values_list("pk", flat=True)[MOST:])
    if not rest:
        return
    usable = ApiKey.objects.usable_at(at).filter(pk__in=rest)
    gone = set(rest) - set(usable.values_list("pk", flat=True))
    # Deleted ones only: what a dialect keeps for a key has moved to the latest.
    Subscription.objects.filter(api_key__in=gone).update(api_key=None)
    ApiKey.objects.filter(pk__in=gone).delete()
