"""Secrets at rest: AES-256-GCM, bound to the row they belong to.

A stored value is `<key name>:<base64 of nonce and ciphertext>`. The row's identity is
authenticated with it, so that a value copied into another row does not decrypt. A value
that cannot be decrypted raises: the alternative is to sign with garbage, which every
receiver would refuse and nobody would understand.
"""

import base64
import os
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_LENGTH = 12  # bytes; the length NIST SP 800-38D recommends for GCM


class Undecryptable(Exception):
    """The value was written under a key that is not configured, or was altered."""


class KeyMissing(Undecryptable):
    """The key is not configured here. The value may be sound, and another process may have it."""


def encrypt(plaintext: str, *, row: str) -> str:
    """`plaintext` under the first configured key, bound to `row`."""
    name, cipher = next(iter(keys().items()))
    nonce = os.urandom(_NONCE_LENGTH)
    sealed = nonce + cipher.encrypt(nonce, plaintext.encode(), row.encode())
    return f"{name}:{base64.b64encode(sealed).decode()}"


def decrypt(stored: str, *, row: str) -> str:
    """The plaintext of `stored`; raises Undecryptable."""
    name, _, text = stored.partition(":")
    try:
        cipher = keys()[name]
    except KeyError:
        raise KeyMissing(f"ENCRYPTION_KEYS lacks the key {name!r}.") from None
    try:
        sealed = base64.b64decode(text, validate=True)
        nonce, ciphertext = sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:]
        return cipher.decrypt(nonce, ciphertext, row.encode()).decode()
    except (InvalidTag, ValueError):
        raise Undecryptable(f"A value under key {name!r} was altered.") from None


def key_name(stored: str) -> str:
    """The name of the key that `stored` was encrypted with."""
    return stored.partition(":")[0]


def keys() -> Mapping[str, AESGCM]:
    """The configured keys by name, the encrypting one first."""
    return _ciphers(tuple(settings.ENCRYPTION_KEYS.items()))


@lru_cache(maxsize=4)
def _ciphers(keys: tuple[tuple[str, bytes], ...]) -> Mapping[str, AESGCM]:
    return MappingProxyType({name: AESGCM(key) for name, key in keys})
