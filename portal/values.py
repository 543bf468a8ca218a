"""The forms of settings that are more than a word or a number.

Each function reads the text of a setting and raises ValueError with what it must be. No
message has the value in it, except of what is no secret: hosts, origins and networks.
"""

import base64
import binascii
import re
from importlib.util import find_spec
from typing import Any

import environ

from webhooks.delivery.egress_policy import EgressPolicy

from .passwords import options, parse_url, with_quoted_password

_KEY_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KEY_LENGTH = 32  # bytes, of AES-256
_MAX_PEPPER = 32767  # the column is a smallint
_HOST = r"(?:\*\.)?[A-Za-z0-9_-][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\]"
_ALLOWED_HOST = re.compile(rf"\*|\.?(?:{_HOST})")
_ORIGIN = re.compile(rf"https?://(?:{_HOST})(?::[0-9]{{1,5}})?")
_ADDRESS = re.compile(rf"(?:{_HOST})(?::[0-9]{{1,5}})?")
_MAIL = re.compile(r"[^@<>]+@[^@<>\s]+|[^<>]*<[^@<>\s]+@[^@<>\s]+>")

_SMTP = ("smtp", "smtps", "smtp+tls", "smtp+ssl")
_EXTRAS = {"redis": "redis", "rediss": "redis", "rediscache": "redis"}


def secret_key(text: str) -> str:
    # What Django's deployment check asks for.
    if len(text) < 50 or len(set(text)) < 5 or text.startswith("django-insecure-"):
        raise ValueError("it must be 50 random characters or more")
    return text


def encryption_keys(words: list[str]) -> dict[str, bytes]:
    """The keys by name, in their order: the first encrypts, all decrypt."""
    found: dict[str, bytes] = {}
    for position, word in enumerate(words, start=1):
        name, _, text = (part.strip() for part in word.partition(":"))
        try:
            key = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not _KEY_NAME.fullmatch(name) or len(key) != _KEY_LENGTH:
            raise ValueError(f"entry {position} must be name:base64 of 32 bytes")
        if name in found:
            raise ValueError(f"entry {position} has the name of another entry")
        found[name] = key
    if not found:
        raise ValueError("it must be name:base64 of 32 bytes, comma-separated")
    return found


def peppers(words: list[str]) -> dict[int, bytes]:
    """The peppers by number, in their order: the first digests new keys, all verify."""
    found: dict[int, bytes] = {}
    for position, word in enumerate(words, start=1):
        number, _, secret = (part.strip() for part in word.partition(":"))
        is_number = number.isascii() and number.isdecimal() and len(number) <= 5
        if not is_number or int(number) > _MAX_PEPPER or not secret:
            raise ValueError(
                f"entry {position} must be number:secret, with a number up to {_MAX_PEPPER}"
            )
        if int(number) in found:
            raise ValueError(f"entry {position} has the number of another entry")
        found[int(number)] = secret.encode()
    if not found:
        raise ValueError("it must be number:secret, comma-separated")
    return found


def hosts(words: list[str]) -> list[str]:
    if not words or not all(map(_ALLOWED_HOST.fullmatch, words)):
        raise ValueError(
            "it must be host names without scheme and port, comma-separated, such as "
            "portal.example.com"
        )
    return words


def origins(words: list[str]) -> list[str]:
    if not all(map(_ORIGIN.fullmatch, words)):
        raise ValueError(
            "each entry must have a scheme and no path, such as "
            "https://portal.example.com"
        )
    return words


def egress_allow(words: list[str]) -> list[str]:
    EgressPolicy.parse(words)
    return words


def own_addresses(words: list[str]) -> list[str]:
    EgressPolicy.parse(self_addresses=words)
    return words


def outside_url(text: str) -> str:
    """Empty, or a URL that a path is added to."""
    scheme, _, rest = text.rstrip("/").partition("://")
    if text and (
        scheme not in ("http", "https")
        or not _ADDRESS.fullmatch(rest.partition("/")[0])
        or re.search(r"[\s?#@]", rest)
    ):
        raise ValueError("it must be a URL such as https://portal.example.com")
    return text.rstrip("/")


def mail_address(text: str) -> str:
    if not _MAIL.fullmatch(text):
        raise ValueError("it must be a mail address, such as webhooks@example.com")
    return text


def email(text: str) -> dict[str, Any]:
    """Django's settings EMAIL_…"""
    scheme = text.partition("://")[0]
    if "://" not in text or scheme not in environ.Env.EMAIL_SCHEMES:
        raise ValueError(
            "it must be smtp+tls://user:password@host:587 or consolemail://"
        )
    found = parse_url(environ.Env.email_url_config, text)
    if options(
        text
    ):  # Django has no setting for them: `?tls=true` would change nothing
        raise ValueError("it must have no options: smtp+tls:// is with TLS")
    if scheme in _SMTP and not found["EMAIL_HOST"]:
        raise ValueError("it must name a host: smtp+tls://user:password@host:587")
    return found


def cache(text: str) -> dict[str, Any]:
    """The entry of Django's CACHES."""
    scheme = text.partition("://")[0]
    if "://" not in text or scheme not in environ.Env.CACHE_SCHEMES:
        raise ValueError("it must be redis://host:port/0 or locmemcache://")
    extra = _EXTRAS.get(scheme)
    if extra and find_spec(extra) is None:
        raise ValueError(f"{scheme} needs the extra {extra} to be installed")
    return parse_url(environ.Env.cache_url_config, text)


def backend(text: str) -> str:
    if text not in ("local", "celery"):
        raise ValueError("it must be local or celery")
    if text == "celery" and find_spec("celery") is None:
        raise ValueError("celery needs the extra of that name to be installed")
    return text


def broker(text: str) -> str:
    """Empty, or a URL for Celery."""
    if not text:
        return ""
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", text):
        raise ValueError(
            "it must be redis://host:port/0 or amqp://user:password@host:port/vhost"
        )
    return with_quoted_password(text)
