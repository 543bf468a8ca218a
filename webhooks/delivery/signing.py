"""The signature schemes that the profiles share, over raw bytes.

The state of HMAC under a secret is kept for the next delivery: to begin with it costs a third
of beginning with the secret.
"""

import base64
from collections.abc import Sequence
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

_STANDARD_PREFIX = "whsec_"
_KEPT_STATES = 1024


class UnusableSecret(ValueError):
    """The secret does not have the form its scheme asks for."""


def hmac_hex(secret: str, content: bytes) -> str:
    """Lower-case hex HMAC-SHA256 under the secret's own characters.

    Raises UnusableSecret for an empty secret: anybody could sign with it.
    """
    return _digest(_state(secret), content).hex()


def timestamped_hex(secret: str, timestamp: int, body: bytes) -> str:
    """`hmac_hex` over `<timestamp>.<body>`."""
    return hmac_hex(secret, b"%d.%b" % (timestamp, body))


def stripe(secrets: Sequence[str], timestamp: int, body: bytes) -> str:
    """The value that Stripe's receivers expect: `t=<seconds>,v1=<hex>`, one `v1` for
    each secret."""
    signed = (timestamped_hex(secret, timestamp, body) for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={hex}" for hex in signed)])


def standard(
    secrets: Sequence[str], message_id: str, timestamp: int, body: bytes
) -> str:
    """The `webhook-signature` of Standard Webhooks 1.0.0: one `v1,` item per secret.

    Secrets are `whsec_` and base64; raises UnusableSecret for any other, and for none
    at all: an unsigned message must not look signed.
    """
    if not secrets:
        raise UnusableSecret("There is no secret.")
    content = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return " ".join(
        [
            "v1," + base64.b64encode(_digest(_standard_state(s), content)).decode()
            for s in secrets
        ]
    )


def _digest(state: HMAC, content: bytes) -> bytes:
    own = state.copy()
    own.update(content)
    return own.finalize()


@lru_cache(_KEPT_STATES)
def _state(secret: str) -> HMAC:
    if not secret:
        raise UnusableSecret("The secret is empty.")
    return HMAC(secret.encode(), SHA256())


@lru_cache(_KEPT_STATES)
def _standard_state(secret: str) -> HMAC:
    text = secret.removeprefix(_STANDARD_PREFIX)
    try:
        # Some libraries hand out secrets without their padding.
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise UnusableSecret("The secret is not base64.") from None
    if not key:
        raise UnusableSecret("The secret is empty.")
    return HMAC(key, SHA256())
