"""The egress policy of this installation, read from its settings."""

from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings

from .allowlist import Policy


def current() -> Policy:
    return _parse(
        tuple(settings.WEBHOOKS_EGRESS_ALLOW),
        settings.WEBHOOKS_ALLOW_HTTP,
        tuple(settings.WEBHOOKS_SELF_ADDRESSES),
    )


@lru_cache(maxsize=8)
def _parse(allow: Sequence[str], allow_http: bool, own: Sequence[str]) -> Policy:
    return Policy.parse(allow, allow_http=allow_http, self_addresses=own)
