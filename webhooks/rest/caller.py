"""The caller of a request: its key, the partner of the key, and the actor for the audit log."""

from base64 import b64decode
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from webhooks.console import logs
from webhooks.console.client_address import client_ip
from webhooks.models import ApiKey, Partner
from webhooks.operations import keys
from webhooks.operations.access import Access
from webhooks.operations.audit import Actor


@dataclass(frozen=True)
class Caller:
    """The user of a request, in DRF's terms. `partner` is None for a publisher's key only.

    `key` is None for a member of staff who explores as the partner, and for nobody
    else: see `explorer`. `may_reveal`: whether such a one may see signing secrets.
    """

    partner: Partner | None
    key: ApiKey | None
    actor: Actor
    may_reveal: bool = False

    is_authenticated = True

    @property
    def client_id(self) -> UUID:
        """The id of the calling key; of the partner where staff explore as it."""
        if self.key is not None:
            return self.key.id
        assert self.partner is not None  # noqa: S101 - without a key there is a partner
        return self.partner.id

    @property
    def access(self) -> Access:
        """The rows that it may see; raises keys.WrongKind for a publisher's key."""
        if self.partner is None:
            raise keys.WrongKind
        return Access(partner=self.partner, shops=self.actor.shops)

    @property
    def shops(self) -> tuple[str, ...]:
        """The shops that the caller is bound to. Empty: every shop of the partner."""
        return self.actor.shops

    def may(self, scope: str) -> bool:
        if self.key is None:
            return self.may_reveal or scope != keys.REVEAL
        return keys.may(self.key, scope)


class KeyAuthentication(BaseAuthentication):
    """Reads the key from where an interface's documentation puts it.

    Raises keys.Refused, for which each interface has an answer of its own.
    """

    kind = ApiKey.Kind.PARTNER
    # The headers that have an underscore in their name. The server drops all others that do.
    underscored_headers: ClassVar[Collection[str]] = ()

    def key_text(self, request: Request) -> str | None:
        """The key as it was sent; None when there is none."""
        raise NotImplementedError

    def texts(self, request: Request) -> list[str]:
        """Every text that was sent as a key."""
        text = self.key_text(request)
        return [] if text is None else [text]

    def authenticate(self, request: Request) -> tuple[Caller, ApiKey]:
        text = self.key_text(request)
        key = keys.authenticate(text, kind=self.kind)
        logs.name_caller(f"key:whk_{key.prefix}")
        slug = request.parser_context["view"].slug
        actor = Actor.of_key(key, ip=client_ip(request), dialect=slug)
        return Caller(partner=key.partner, key=key, actor=actor), key

    @classmethod
    def header(cls, key: str) -> tuple[str, str]:
        """The header that carries a key, by its name in the document, and its value."""
        found: Any = OpenApiAuthenticationExtension.get_match(cls)
        scheme = found.get_security_definition(None)
        scheme = scheme[0] if isinstance(scheme, list) else scheme
        if scheme["type"] == "http":
            return "Authorization", f"Bearer {key}"
        return scheme["name"], key


class BearerKey(KeyAuthentication):
    """`Authorization: Bearer <key>`; the scheme's name in any case (RFC 9110, 11.1)."""

    def key_text(self, request: Request) -> str | None:
        return bearer(request)

    def authenticate_header(self, request: Request) -> str | None:
        return "Bearer"


class BearerOrBasicKey(BearerKey):
    """The same, or the key as the user name of `Authorization: Basic` (RFC 7617)."""

    def key_text(self, request: Request) -> str | None:
        return bearer(request) or basic(request)


class BearerScheme(OpenApiAuthenticationExtension):
    """The OpenAPI description of a `BearerKey` that has none of its own."""

    target_class = BearerKey
    match_subclasses = True
    priority = -1
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key."}


class BearerOrBasicScheme(OpenApiAuthenticationExtension):
    target_class = BearerOrBasicKey
    name = ["bearer", "basic"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "An API key."},
            {"type": "http", "scheme": "basic", "description": "A key as user name."},
        ]


def bearer(request: Request) -> str | None:
    """The credentials of a Bearer header; None without one."""
    return _credentials(request, "bearer")


def basic(request: Request) -> str | None:
    """The user name of a Basic header; None without one."""
    try:
        plain = b64decode(_credentials(request, "basic") or "", validate=True).decode()
    except ValueError:  # no base64, or no UTF-8
        return None
    return plain.partition(":")[0] or None


def _credentials(request: Request, scheme: str) -> str | None:
    given, _, text = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    return text.strip() or None if given.lower() == scheme else None
