"""The base classes of the API's views: the keys that they accept, and the parsing of a request."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api.protocol import REFUSALS, PartnerKey, PublisherKey, QueryRefused
from webhooks.api.serializers.queries import Query
from webhooks.console.paging import Keyset
from webhooks.models import Subscription, ids
from webhooks.operations import given_secrets, keys
from webhooks.operations.access import Access
from webhooks.rest import paging, view
from webhooks.rest.rendering import JSON
from webhooks.rest.throttling import WINDOW, Allowance

DIALECT = "portal"

Row = TypeVar("Row", bound=Model)
Operation = TypeVar("Operation", bound=Callable[..., Response])


def takes(query: type[Query]) -> Callable[[Operation], Operation]:
    """Says which parameters an operation takes, for the check and for the document."""

    def decorate(operation: Operation) -> Operation:
        described: Operation = extend_schema(parameters=[query])(operation)
        described.query = query  # type: ignore[attr-defined]
        return described

    return decorate


class View(view.ApiView):
    slug = DIALECT
    # The rate before the scope, so that even a 403 has the rate headers.
    check_order = ("method", "key", "rate", "scope", "query", "body")
    refusals = REFUSALS
    renderer_classes = [JSON]
    content_codings = ()
    query: dict[str, Any]
    """The validated parameters of the request."""

    def check_query(self, request: Request) -> None:
        operation = getattr(self, self.action or "", None)
        query = getattr(operation, "query", None)
        if query is None and not request.META.get("QUERY_STRING"):
            self.query = {}
            return
        reader = (query or Query)(data=request.query_params)
        if not reader.is_valid():
            raise QueryRefused(reader.errors)
        self.query = reader.validated_data

    def read(self, reader: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """What `reader` makes of the body; raises ValidationError."""
        serializer = reader(data=self.json_object())
        serializer.is_valid(raise_exception=True)
        values: dict[str, Any] = serializer.validated_data
        return values

    def page_of(self, rows: QuerySet[Row], keyset: Keyset) -> paging.Page[Row]:
        """The page of a list that the query names; its `next` is an address."""
        limit = self.query["limit"]
        page = paging.page(rows, keyset, limit=limit, cursor=self.query.get("cursor"))
        if page.next is None:
            return page
        address = paging.address(self.request, limit=limit, cursor=page.next)
        return paging.Page(page.rows, address)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        limit: int = settings.API_RATE_PER_MINUTE
        for name, value in rate_headers(self.allowance, limit).items():
            response[name] = value
        return super().finalize_response(request, response, *args, **kwargs)


class Unrouted(View, view.Unrouted):
    # A key of either kind: one of the other kind is refused as such, so it is known.
    authentication_classes = [PartnerKey]


class PublisherView(View):
    """For publishers' keys. A publisher names the partner in the body."""

    authentication_classes = [PublisherKey]
    has_forms: ClassVar[bool] = False

    def check_key(self, request: Request) -> None:
        # Staff who explore as a partner have no key, and are no publisher either.
        if self.caller.key is None:
            raise keys.WrongKind

    def check_scope(self, request: Request) -> None:
        if not self.caller.may(keys.PUBLISH):
            raise keys.ScopeMissing


class PartnerView(View):
    """For partners' keys, and for staff who explore as a partner."""

    authentication_classes = [PartnerKey]

    @property
    def access(self) -> Access:
        return self.caller.access

    def as_visible(self, secret: str) -> str:
        """A secret that was just made; masked where the caller may not see secrets."""
        return secret if self.caller.may(keys.REVEAL) else given_secrets.MASK

    def subscription(self, id: str) -> Subscription:
        """The one of that id, in the dialect that the query names; raises NotFound."""
        rows = self.access.subscriptions(self.query.get("dialect", DIALECT))
        row = rows.with_public_id(id).first()
        if row is None:
            raise view.NotFound
        return row


class KeyHolderView(PartnerView):
    """For partners' keys of one scope, reads included.

    Staff who explore reach what such a scope guards on pages of the console, each with
    its own permission.
    """

    scope: ClassVar[str]
    has_forms: ClassVar[bool] = False

    def check_scope(self, request: Request) -> None:
        if self.caller.key is None or not self.caller.may(self.scope):
            raise keys.ScopeMissing


def found(rows: QuerySet[Row], id: str) -> Row:
    """The row of that id, in any case of its letters; raises NotFound."""
    parsed = ids.parse(id)
    row = None if parsed is None else rows.filter(pk=parsed).first()
    if row is None:
        raise view.NotFound
    return row


def rate_headers(allowance: Allowance | None, limit: int) -> dict[str, str]:
    """`RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-10."""
    if not limit:
        return {}
    headers = {"RateLimit-Policy": f'"default";q={limit};w={WINDOW}'}
    if allowance is not None:
        left = f'"default";r={allowance.remaining};t={allowance.reset}'
        headers["RateLimit"] = left
    return headers
