"""The view that every REST interface derives from.

It runs a request through an interface's checks in that interface's order, and turns
whatever goes wrong into one call of its Protocol. Nothing leaves in Django's or DRF's
own shape, whatever was sent.
"""

import logging
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from webhooks.models import Partner
from webhooks.operations import keys, subscriptions

from . import explorer, throttling
from .caller import Caller
from .parsing import BodyTooLarge, MalformedJSON, StrictJSON

logger = logging.getLogger(__name__)

MEBIBYTE = 1024 * 1024


class NoRoute(Exception):
    """No documented path of the interface matches."""


class NotFound(Exception):
    """The path is right and its object does not exist, for this caller at least."""


class OverRate(Exception):
    """The key made more requests than it may; `wait` is in seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class NotAnObject(Exception):
    """The body is JSON and not an object."""


class Protocol(ABC):
    """How one interface tells what is wrong: one answer for each kind of refusal.

    The closed list is the contract: an interface that lacks one does not start.
    """

    # The order of the checks; `body` is where media type, size and syntax are met.
    # A check that is left out is made when a view first asks for what it checks.
    check_order: ClassVar[tuple[str, ...]] = ("method", "key", "scope", "rate", "body")

    @abstractmethod
    def key_refused(self, request: Request, refused: keys.Refused) -> Response:
        """No key, no form of one, or one that does not open: 401 nearly everywhere."""

    @abstractmethod
    def partner_inactive(self, request: Request) -> Response: ...

    @abstractmethod
    def forbidden(self, request: Request) -> Response:
        """The key lacks the scope."""

    @abstractmethod
    def not_found(self, request: Request) -> Response: ...

    @abstractmethod
    def no_route(self, request: Request) -> Response: ...

    @abstractmethod
    def method_not_allowed(self, request: Request, allowed: list[str]) -> Response: ...

    @abstractmethod
    def malformed_json(self, request: Request, error: MalformedJSON) -> Response: ...

    @abstractmethod
    def not_an_object(self, request: Request) -> Response: ...

    @abstractmethod
    def unsupported_media_type(self, request: Request) -> Response: ...

    @abstractmethod
    def too_large(self, request: Request, limit: int) -> Response: ...

    @abstractmethod
    def throttled(self, request: Request, wait: int) -> Response:
        """Over the rate; `wait` in seconds. `Retry-After` is set by the caller."""

    @abstractmethod
    def invalid(
        self, request: Request, error: exceptions.ValidationError
    ) -> Response: ...

    @abstractmethod
    def bad_request(self, request: Request) -> Response:
        """Django refused it: for its Host, or for too many parameters in its query."""

    @abstractmethod
    def internal(self, request: Request) -> Response: ...


class Endpoint(ViewSet):
    """A viewset over an explicit map of methods, checked and answered by its protocol."""

    protocol: ClassVar[Protocol]
    max_body: ClassVar[int] = MEBIBYTE
    # Whether its page in the browsable API offers forms.
    has_forms: ClassVar[bool] = True
    # Of the caller, once the request has been counted.
    allowance: throttling.Allowance | None = None
    parser_classes = [StrictJSON]
    permission_classes = []

    # --- What views use -------------------------------------------------------------

    @property
    def caller(self) -> Caller:
        """Raises keys.Refused when the key has not been checked yet and is no good."""
        caller: Caller = self.request.user  # type: ignore[assignment]
        return caller

    @property
    def partner(self) -> Partner:
        """The partner that every query of the view is scoped to."""
        partner = self.caller.partner
        if partner is None:  # a publisher's key, on an interface that takes one
            raise keys.Invalid
        return partner

    def json_object(self) -> dict[str, Any]:
        """The body, `{}` when there is none; raises NotAnObject, MalformedJSON,
        BodyTooLarge and UnsupportedMediaType."""
        body = self.request.data
        if not isinstance(body, dict):
            raise NotAnObject
        return body

    @property
    def has_body(self) -> bool:
        return self.request.META.get("CONTENT_LENGTH") not in (None, "", "0")

    # --- The checks -----------------------------------------------------------------

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        for check in self.protocol.check_order:
            getattr(self, f"check_{check}")(request)

    def check_method(self, request: Request) -> None:
        if any("\0" in str(value) for value in self.kwargs.values()):
            raise NoRoute  # no id holds it, and PostgreSQL cannot compare it
        if (request.method or "").lower() not in self.action_map:
            raise exceptions.MethodNotAllowed(request.method or "")

    def check_key(self, request: Request) -> None:
        _ = self.caller

    def check_scope(self, request: Request) -> None:
        scope = keys.READ if request.method in SAFE_METHODS else keys.WRITE
        if not self.caller.may(scope):
            raise keys.ScopeMissing

    def check_rate(self, request: Request) -> None:
        identity = str(self.caller.client_id)
        self.allowance = throttling.spend(identity, now=timezone.now())
        if self.allowance and (wait := self.allowance.wait):
            raise OverRate(wait)

    def check_body(self, request: Request) -> None:
        _ = request.data

    # --- DRF's hooks ----------------------------------------------------------------

    @property
    def default_response_headers(self) -> dict[str, str]:
        # DRF's own `Allow` would be on every answer, over the protocol's, and name OPTIONS.
        return {}

    def get_authenticators(self) -> list[BaseAuthentication]:
        if explorer.is_exploring(self.request):
            return [explorer.ExplorerSession()]
        return super().get_authenticators()

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        # Whatever a client accepts, it is answered in the one form it is documented.
        renderer = self.get_renderers()[0]
        if explorer.opened(request):
            renderer = explorer.ExplorerPage()
        return renderer, renderer.media_type or ""

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if explorer.opened(request):
            explorer.as_page(response)
        return response

    def refused(self, http_request: HttpRequest) -> Response:
        """The answer to a request that Django refused before a view was asked."""
        response = self.protocol.bad_request(Request(http_request))
        response.accepted_renderer = self.get_renderers()[0]
        response.accepted_media_type = response.accepted_renderer.media_type
        response.renderer_context = {}  # type: ignore[attr-defined]
        return response

    def handle_exception(self, exc: Exception) -> Response:
        response = self._answer(self.request, exc)
        response.exception = True
        return response

    def _answer(self, request: Request, exc: Exception) -> Response:  # noqa: C901 - one case a kind
        protocol = self.protocol
        match exc:
            case keys.ScopeMissing():
                return protocol.forbidden(request)
            case keys.PartnerInactive():
                return protocol.partner_inactive(request)
            case keys.Refused():
                return protocol.key_refused(request, exc)
            case NotFound() | subscriptions.Gone():
                return protocol.not_found(request)
            case NoRoute():
                return protocol.no_route(request)
            case exceptions.PermissionDenied():  # an explorer's form without its token
                return protocol.forbidden(request)
            case exceptions.MethodNotAllowed():
                allowed = [method.upper() for method in self.action_map]
                return protocol.method_not_allowed(request, allowed)
            case MalformedJSON():
                return protocol.malformed_json(request, exc)
            case NotAnObject():
                return protocol.not_an_object(request)
            case exceptions.UnsupportedMediaType():
                return protocol.unsupported_media_type(request)
            case BodyTooLarge():
                return protocol.too_large(request, exc.limit)
            case OverRate():
                response = protocol.throttled(request, exc.wait)
                response["Retry-After"] = str(exc.wait)
                return response
            case exceptions.ValidationError():
                return protocol.invalid(request, exc)
            case SuspiciousOperation():
                return protocol.bad_request(request)
            case _:
                # The path only: a query string may carry what does not belong in a log.
                logger.error("%s %s failed", request.method, request.path, exc_info=exc)
                return protocol.internal(request)


class Unrouted(Endpoint):
    """Everything under an interface's prefix that is none of its documented paths."""

    has_forms = False

    def check_method(self, request: Request) -> None:
        raise NoRoute

    def refuse(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise NoRoute


EVERY_METHOD: dict[str, Any] = dict.fromkeys(
    ("get", "post", "put", "patch", "delete", "head", "options", "trace"), "refuse"
)
