"""The form of a key: `whk_<lookup 10>_<secret 32><checksum 6>`, all base62.

The prefix lets leak scanners recognise a key, the checksum lets them (and us) discard
what merely looks like one: a malformed key is refused without asking the database. The
secret carries 190 bits, so a fast keyed digest is the right one to store (ASVS 5.0,
6.5.2); the pepper keeps a copy of the database from confirming a guess.
"""

import binascii
import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
LOOKUP_LENGTH = 10
SECRET_LENGTH = 32
CHECKSUM_LENGTH = 6

_FORM = re.compile(
    rf"whk_([0-9A-Za-z]{{{LOOKUP_LENGTH}}})_"
    rf"[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}",
    re.ASCII,
)
# Of a key in other text, which may have been cut anywhere within its secret.
_WITHIN = re.compile(rf"whk_([0-9A-Za-z]{{{LOOKUP_LENGTH}}})_[0-9A-Za-z]", re.ASCII)


@dataclass(frozen=True)
class NewKey:
    """A key at the only moment its text exists here."""

    text: str
    lookup: str


def random_text(length: int) -> str:
    """`length` random base62 characters."""
    return "".join(secrets.choice(BASE62) for _ in range(length))


def generate() -> NewKey:
    lookup = random_text(LOOKUP_LENGTH)
    body = f"whk_{lookup}_{random_text(SECRET_LENGTH)}"
    return NewKey(text=body + _checksum(body), lookup=lookup)


def lookup_of(text: str) -> str | None:
    """The lookup part of a well-formed key, None of anything else."""
    match = _FORM.fullmatch(text)
    if match is None or not hmac.compare_digest(
        _checksum(text[:-CHECKSUM_LENGTH]), text[-CHECKSUM_LENGTH:]
    ):
        return None
    return match[1]


def lookup_within(text: str) -> str | None:
    """The lookup part of a key that stands, whole or in part, somewhere in `text`."""
    match = _WITHIN.search(text)
    return match and match[1]


def digest(text: str, *, pepper: int) -> str:
    """HMAC-SHA256 of a key under pepper number `pepper`, in hex.

    Raises KeyError when that pepper is not configured.
    """
    secret = peppers()[pepper]
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def current_pepper() -> int:
    """The number of the pepper that new keys are digested with."""
    return next(iter(peppers()))


def peppers() -> Mapping[int, bytes]:
    """The configured peppers by number, in their order."""
    found: Mapping[int, bytes] = settings.KEY_PEPPERS
    return found


def _checksum(body: str) -> str:
    value = binascii.crc32(body.encode())
    characters = []
    for _ in range(CHECKSUM_LENGTH):
        value, index = divmod(value, len(BASE62))
        characters.append(BASE62[index])
    return "".join(reversed(characters))
