"""The response body that the partner's API would return for a subscription."""

from typing import Any, cast

from django.utils import timezone

from webhooks.models import Subscription, encryption
from webhooks.operations.given_secrets import MASK

from .forms import SubscriptionForm


def body(
    form: type[SubscriptionForm],
    subscription: Subscription,
    *,
    reveal: bool = False,
) -> bytes:
    """The interface's answer to `form.request`; secrets in it are masked unless
    `reveal`. Raises encryption.Undecryptable."""
    value = form.answer(subscription)
    if not reveal:
        value = _masked(value, _secrets(subscription))
    renderer = form.view.renderer_classes[0]()
    return cast(bytes, renderer.render(value))


def _secrets(subscription: Subscription) -> frozenset[str]:
    try:
        return frozenset(subscription.live_secrets(timezone.now()))
    except encryption.Undecryptable:
        return frozenset()  # an answer that needs none of them holds none


def _masked(value: Any, secrets: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: _masked(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, secrets) for item in value]
    return MASK if isinstance(value, str) and value in secrets else value
