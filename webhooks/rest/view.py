"""The view that every REST interface derives from.

It runs a request through an interface's checks in that interface's order. Every failure is
answered from the interface's table of refusals, never in the format of Django or DRF.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation
from django.http import HttpRequest
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from webhooks.models import Partner, Subscription, outages
from webhooks.models.outages import Unavailable
from webhooks.models.subscriptions import SubscriptionQuerySet
from webhooks.operations import access, keys, limits

from . import explorer, strangers, throttling
from .bodies import BodyTooLarge, Corrupt
from .caller import Caller
from .parsing import ByContentType, MalformedJSON, RefusedValue, StrictJSON
from .strangers import PlainHttp, RefusedByServer

logger = logging.getLogger(__name__)

MEBIBYTE = 1024 * 1024
# The order in which an `Allow` names methods.
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class NoRoute(Exception):
    """No documented path of the interface matches."""


class NotFound(Exception):
    """The path is right and its object does not exist, for this caller at least."""


class MethodNotAllowed(exceptions.MethodNotAllowed):
    """The path exists and does not take the method; `allowed` are those it takes."""

    def __init__(self, method: str, allowed: Collection[str]) -> None:
        super().__init__(method)
        self.allowed = [verb for verb in VERBS if verb in allowed]


class OverRate(Exception):
    """The key made more requests than it may; `wait` is in seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class NotAnObject(Exception):
    """The body is JSON and not an object."""


Refusals = Mapping[type[Exception], Callable[[Request, Any], Response]]
"""The answers of an interface, one for each kind of exception. The row of the nearest class
counts: that of `keys.Refused` holds for every refused key that has no row of its own."""

REFUSED: tuple[type[Exception], ...] = (
    keys.Refused,  # no key, no form of one, or one that is unknown: mostly 401
    keys.PartnerInactive,
    keys.ScopeMissing,  # the key may not do this
    NoRoute,
    MethodNotAllowed,
    NotFound,
    exceptions.UnsupportedMediaType,
    BodyTooLarge,
    MalformedJSON,
    NotAnObject,
    exceptions.ValidationError,
    OverRate,
    PlainHttp,
    RefusedByServer,
    limits.LimitReached,  # the partner may have no more of it
    SuspiciousOperation,  # refused by Django: its Host, too many query parameters
    Unavailable,
    Exception,  # anything else: the portal failed
)
"""The rows that every table of refusals has; an interface that lacks one does not start."""

_SAME_AS: Mapping[type[Exception], type[Exception]] = {
    Corrupt: MalformedJSON,
    access.NotFound: NotFound,
    access.ShopForbidden: keys.ScopeMissing,
    exceptions.PermissionDenied: keys.ScopeMissing,  # an explorer's form without its token
}


class ApiView(ViewSet):
    """A viewset over an explicit map of methods. Each interface derives its own, with its order of
    checks and its refusals."""

    # Which interface it is; written into the audit log.
    slug: ClassVar[str]
    refusals: ClassVar[Refusals]
    # `body` is where media type, size and syntax are met. A check that is left out here is made
    # when a view first needs its result.
    check_order: ClassVar[tuple[str, ...]] = ("method", "key", "scope", "rate", "body")
    max_body: ClassVar[int] = MEBIBYTE
    max_values: ClassVar[int | None] = 10_000  # in a JSON body; None: no limit
    # The encodings that are decompressed. None: Content-Encoding is ignored.
    content_codings: ClassVar[Collection[str] | None] = None
    # Whether a body of an unknown media type counts as empty; else it is refused.
    ignores_other_media_types: ClassVar[bool] = False
    has_forms: ClassVar[bool] = True  # on its page in the browsable API
    # Of the caller, once the request has been counted.
    allowance: throttling.Allowance | None = None
    # A value of the body that is refused when the other checks have passed.
    refused_value: RefusedValue | None = None
    authentication_classes = []  # never DRF's own: they take passwords of staff
    parser_classes = [StrictJSON]
    content_negotiation_class = ByContentType
    permission_classes = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "refusals" in vars(cls) and (lacking := set(REFUSED) - cls.refusals.keys()):
            names = ", ".join(sorted(kind.__name__ for kind in lacking))
            raise ImproperlyConfigured(f"{cls.__module__} has no answer to {names}.")

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
        if partner is None:  # a publisher's key
            raise keys.WrongKind
        return partner

    def visible(self) -> SubscriptionQuerySet:
        """Those that the caller may see, with what an answer shows of them."""
        found = self.caller.access.subscriptions(self.slug)
        return found.whole(at=timezone.now())

    def find(self, public_id: str) -> Subscription:
        """Raises NotFound."""
        access, now = self.caller.access, timezone.now()
        if (found := access.subscription(self.slug, public_id, at=now)) is None:
            raise NotFound
        return found

    def json_object(self) -> dict[str, Any]:
        """The body, `{}` when there is none; raises NotAnObject, MalformedJSON,
        BodyTooLarge, UnsupportedMediaType and ValidationError."""
        body = self.request.data
        if self.refused_value is not None:
            raise self.refused_value
        if not isinstance(body, dict):
            raise NotAnObject
        return body

    @property
    def has_body(self) -> bool:
        return self.request.META.get("CONTENT_LENGTH") not in (None, "", "0")

    # --- The checks -----------------------------------------------------------------

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if wait := strangers.wait_before(request):
            raise OverRate(wait)
        for check in self.check_order:
            getattr(self, f"check_{check}")(request)
        if self.refused_value is not None:
            raise self.refused_value

    def check_method(self, request: Request) -> None:
        if (request.method or "").lower() not in self.action_map:
            allowed = [method.upper() for method in self.action_map]
            raise MethodNotAllowed(request.method or "", allowed)

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
        try:
            _ = request.data
        except RefusedValue as refused:
            # Raised after the other checks: validation comes after authentication.
            self.refused_value = refused

    # --- DRF's hooks ----------------------------------------------------------------

    def initialize_request(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> Request:
        # A charset is that of the body, which the parsers read; a query is UTF-8.
        request.encoding = "utf-8"
        return super().initialize_request(request, *args, **kwargs)

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
            explorer.as_page(request, response)
        return response

    def refused(self, http_request: HttpRequest, error: Exception) -> Response:
        """The answer to a request that failed outside of the view, as in a middleware."""
        response = self._refusal(Request(http_request), error)
        response.accepted_renderer = self.get_renderers()[0]
        response.accepted_media_type = response.accepted_renderer.media_type
        response.renderer_context = {}  # type: ignore[attr-defined]
        response.render()
        return response

    def handle_exception(self, exc: Exception) -> Response:
        request = self.request
        is_ours = self._kind(exc) in (Exception, OverRate, Unavailable)
        if not is_ours and (wait := strangers.wait_after(request, exc)):
            exc = OverRate(wait)
        response = self._refusal(request, exc)
        response.exception = True
        if response.status_code == 401 and "WWW-Authenticate" not in response:
            challenge = self.authentication_classes[0]().authenticate_header(request)
            if challenge is not None:
                response["WWW-Authenticate"] = challenge
        if isinstance(exc, MethodNotAllowed) and response.status_code == 405:
            response["Allow"] = ", ".join(exc.allowed)
        return response

    def _kind(self, exc: Exception) -> type[Exception]:
        if outages.is_outage(exc):
            return Unavailable
        kinds = (each for k in type(exc).__mro__ for each in (k, _SAME_AS.get(k, k)))
        return next(kind for kind in kinds if kind in self.refusals)

    def _refusal(self, request: Request, exc: Exception) -> Response:
        kind = self._kind(exc)
        if kind in (Exception, Unavailable):
            # The path only: a query string may carry what does not belong in a log.
            said = request.method, request.path, exc
            logger.error("%s %s failed: %s", *said, exc_info=kind is Exception and exc)
        response = self.refusals[kind](request, exc)
        wait = Unavailable.wait if kind is Unavailable else getattr(exc, "wait", None)
        if wait is not None:
            response["Retry-After"] = str(wait)
        return response


class Unrouted(ApiView):
    """Everything under an interface's prefix that is none of its documented paths."""

    has_forms = False

    def check_method(self, request: Request) -> None:
        raise NoRoute

    def refuse(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise NoRoute
