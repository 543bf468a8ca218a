"""The egress policy that the settings of this installation give."""

from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings

from .egress_policy import EgressPolicy


def current() -> EgressPolicy:
    return _parse(
        tuple(settings.WEBHOOKS_EGRESS_ALLOW),
        settings.WEBHOOKS_ALLOW_HTTP,
        tuple(settings.WEBHOOKS_SELF_ADDRESSES),
    )


@lru_cache(maxsize=8)
def _parse(allow: Sequence[str], allow_http: bool, own: Sequence[str]) -> EgressPolicy:
    return EgressPolicy.parse(allow, allow_http=allow_http, self_addresses=own)
