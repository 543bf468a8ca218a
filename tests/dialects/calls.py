"""Calls of a dialect, and what its refusals look like."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from django.core.cache import cache

from tests import factories
from webhooks.rest import urlencoded

MEBIBYTE = 1024 * 1024

FORM = urlencoded.Form.media_type


@dataclass(frozen=True)
class Call:
    """One request. A `body` of bytes is sent as it is, anything else as JSON, or as a
    form where the `content_type` says so."""

    method: str
    path: str
    body: Any = None
    content_type: str = "application/json"

    @property
    def sent(self) -> bytes:
        if self.body is None or isinstance(self.body, bytes):
            return self.body or b""
        is_form = self.content_type == FORM and isinstance(self.body, dict)
        dumps = urlencoded.dumps if is_form else json.dumps
        return dumps(self.body).encode()

    def send(self, client, headers=None, **extra):
        return client.generic(
            self.method,
            self.path,
            self.sent,
            content_type=self.content_type,
            headers=headers or {},
            **extra,
        )


@pytest.mark.django_db
class DialectCalls(ABC):
    """Calls of a dialect, and what its refusals look like."""

    slug: ClassVar[str]
    # The whole header, as the vendor sends it.
    content_type: ClassVar[str]
    # Below this path everything is the dialect's own. No last slash.
    prefix: ClassVar[str]
    # The largest body that is read, in bytes.
    max_body: ClassVar[int] = MEBIBYTE

    # The media types that it reads as JSON, of those that are tried; none where it reads
    # forms alone.
    json_types: ClassVar[tuple[str, ...]] = ("application/json",)
    # Whether it reads `application/x-www-form-urlencoded`.
    reads_forms: ClassVar[bool] = False
    # Whether it inflates what was compressed by gzip or deflate.
    inflates: ClassVar[bool] = False

    # Whether its paths are taken with a last slash, too; else it is 404.
    takes_slash: ClassVar[bool] = True
    # Whether its paths are taken in any case of their letters.
    is_any_case: ClassVar[bool] = False

    # --- What a vendor fills in -----------------------------------------------------

    @abstractmethod
    def headers(self, key: str) -> dict[str, str]:
        """The headers that carry a key."""

    @abstractmethod
    def write(self, partner, key) -> Call:
        """A change of an object that exists (made here, through `factories` or the
        dialect's own API), which succeeds as it is."""

    @abstractmethod
    def error(self, kind: str) -> tuple[int, Any]:
        """The status and the exact body of an error; a body may be a callable that
        takes the parsed body and asserts. Kinds: key_missing key_malformed key_invalid
        partner_inactive forbidden not_found no_route method_not_allowed malformed_json
        not_an_object wrong_media_type too_large throttled bad_request internal unavailable.

        Where it reads forms: too_many_fields. Where it reads forms alone, neither
        malformed_json nor not_an_object. Where it inflates: unknown_coding, for
        `br`, and corrupt."""

    @abstractmethod
    def refused_value(self, name: str, reason: str) -> tuple[int, Any]:
        """The error of a value that the portal takes nowhere. `name` leads to it, such
        as `events.0`, and `reason` follows it in words: "must not contain …"."""

    # Calls that must be answered as if the object did not exist, for a partner whose
    # own objects are others. Empty where objects have no address.
    def foreign(self, owner, owner_key, stranger_key) -> list[Call]:
        return []

    # The path of no object of anybody, with its method and body; None where there is none.
    def unknown(self, partner, key) -> Call | None:
        return None

    wrong_method = "PROPFIND"
    # The write, which each test spoils in its own way.
    call: Call

    # --- What its tests ask with ----------------------------------------------------

    @pytest.fixture(autouse=True)
    def _callers(self, client):
        cache.clear()
        self.client = client
        self.partner = factories.partner()
        self.key, self.key_text = factories.key(self.partner)
        self.call = self.write(self.partner, self.key)

    def assert_error(self, response, kind: str) -> None:
        self.assert_refused(response, *self.error(kind))

    def assert_refused(self, response, status: int, expected: Any) -> None:
        assert response.status_code == status, response.content
        assert response["Content-Type"] == self.content_type
        assert "Set-Cookie" not in response
        body = json.loads(response.content)
        if callable(expected):
            assert expected(body) is not False, body
        else:
            assert body == expected
            assert list(body) == list(expected)

    def send(self, call: Call, key: str | None = None, **headers: str):
        key_headers = self.headers(self.key_text if key is None else key)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return call.send(self.client, {**key_headers, **named})

    def assert_in_shape(self, response) -> None:
        assert response.status_code < 500, response.content
        if response.content:
            assert response["Content-Type"] == self.content_type
            json.loads(response.content)
