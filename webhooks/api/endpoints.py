"""What the views of the API derive from: whose keys open them, and what they answer."""

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.operations import keys
from webhooks.rest import endpoint
from webhooks.rest.rendering import JSON

from .protocol import (
    MEDIA_TYPE,
    PHRASES,
    REFUSALS,
    PartnerKey,
    PublisherKey,
    rate_headers,
)
from .serializers.problems import Problem


class Endpoint(endpoint.Endpoint):
    slug = "portal"
    # The rate before the scope, so that even a 403 says what is left.
    check_order = ("method", "key", "rate", "scope", "body")
    refusals = REFUSALS
    renderer_classes = [JSON]
    content_codings = ()

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        limit: int = settings.API_RATE_PER_MINUTE
        for name, value in rate_headers(self.allowance, limit).items():
            response[name] = value
        return super().finalize_response(request, response, *args, **kwargs)


class Unrouted(Endpoint, endpoint.Unrouted):
    pass


class PublisherEndpoint(Endpoint):
    """For publishers' keys: they act for no partner and name one in the body."""

    authentication_classes = [PublisherKey]
    has_forms: ClassVar[bool] = False

    def check_key(self, request: Request) -> None:
        # Staff who explore as a partner have no key, and are no publisher either.
        if self.caller.key is None:
            raise keys.WrongKind

    def check_scope(self, request: Request) -> None:
        if not self.caller.may(keys.PUBLISH):
            raise keys.ScopeMissing


class PartnerEndpoint(Endpoint):
    """For partners' keys, and for staff who explore as a partner."""

    authentication_classes = [PartnerKey]


class KeyHolderEndpoint(PartnerEndpoint):
    """For partners' keys of one scope, reads included.

    Staff who explore have other doors to what such a scope guards, each with its own
    permission.
    """

    scope: ClassVar[str]
    has_forms: ClassVar[bool] = False

    def check_scope(self, request: Request) -> None:
        if self.caller.key is None or not self.caller.may(self.scope):
            raise keys.ScopeMissing


def problems(*statuses: int) -> dict[Any, OpenApiResponse]:
    """Those problems, and the ones that any request may meet, for the document."""
    return {
        (status, MEDIA_TYPE): OpenApiResponse(Problem, description=PHRASES[status])
        for status in sorted({401, 403, 429, 500, *statuses})
    }
