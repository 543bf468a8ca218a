"""A partner's subscriptions; their deliveries follow Standard Webhooks 1.0.0."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid5

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import problems
from webhooks.api.endpoints import PartnerEndpoint, takes
from webhooks.api.serializers import subscriptions as serializers
from webhooks.api.serializers.queries import PageQuery
from webhooks.console.paging import Keyset
from webhooks.delivery import standard
from webhooks.models import Subscription
from webhooks.operations import subscriptions
from webhooks.operations.subscriptions import SubscriptionFields
from webhooks.rest import endpoint, idempotency
from webhooks.rest.subscriptions import SubscriptionEndpoint

OLDEST_FIRST = Keyset("created_at", "public_id", is_ascending=True)

# How long the repeat of a POST shows the secret again, to a client that did not get the
# first answer.
REPLAY = timedelta(hours=24)
# In the extras of a subscription: which request made it. A repeat has the same one.
_FINGERPRINT = "fingerprint"

_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH)
_KEY_HEADER = idempotency.parameter(
    "Makes a repeat of the request create no second subscription."
)


def read(
    accepted: type[serializers.SubscriptionChanges], body: Mapping[str, Any]
) -> SubscriptionFields:
    """Raises ValidationError."""
    serializer = accepted(data=body)
    serializer.is_valid(raise_exception=True)
    fields: dict[str, Any] = dict(serializer.validated_data)
    if "url" in fields:
        fields["urls"] = [fields.pop("url")]
    return cast(SubscriptionFields, fields)


class Endpoint(PartnerEndpoint, SubscriptionEndpoint):
    profile = standard.PROFILE

    @classmethod
    def changes(
        cls, given: SubscriptionFields, stored: Subscription | None
    ) -> SubscriptionFields:
        return given


class Subscriptions(Endpoint):
    @takes(PageQuery)
    @extend_schema(
        tags=["subscriptions"],
        operation_id="list_subscriptions",
        summary="The partner's subscriptions",
        description="Those made by this API; a dialect lists its own.",
        responses={
            200: OpenApiResponse(serializers.SubscriptionPage, description="OK"),
            **problems.documented(),
        },
    )
    def page(self, request: Request) -> Response:
        page = self.page_of(self.visible(), OLDEST_FIRST)
        data = [serializers.portal_subscription(row) for row in page.rows]
        return Response({"data": data, "next": page.next})

    @extend_schema(
        tags=["subscriptions"],
        operation_id="create_subscription",
        summary="Subscribe a URL to events",
        description="The answer holds the secret to verify deliveries with.",
        parameters=[_KEY_HEADER],
        request=serializers.NewSubscription,
        responses={
            201: OpenApiResponse(
                serializers.CreatedSubscription, description="Created"
            ),
            **problems.documented(400, 413, 415),
        },
    )
    def create(self, request: Request) -> Response:
        body = self.json_object()
        key = idempotency.from_header(request)
        fields = read(serializers.NewSubscription, body)
        now = timezone.now()
        fingerprint = idempotency.fingerprint(body)
        fields["extras"] = {_FINGERPRINT: fingerprint} if key is not None else {}
        # One key makes one id, which the database keeps unique per partner.
        public_id = None if key is None else str(uuid5(self.partner.id, key))
        try:
            row = subscriptions.create(
                by=self.caller.actor,
                identity=self.identity(self.partner, fields, public_id=public_id),
                **fields,
            )
        except subscriptions.PublicIdTaken:
            return self.replayed(request, public_id or "", fingerprint, now)
        return _created(request, row, at=now, with_secret=True)

    def replayed(
        self, request: Request, public_id: str, fingerprint: str, now: datetime
    ) -> Response:
        row = self.visible().filter(public_id=public_id).first()
        if row is None:
            raise endpoint.NotFound  # deleted in this moment, or another shop's
        if row.extras.get(_FINGERPRINT) != fingerprint:
            message = "This key was used to create another subscription."
            raise idempotency.KeyReused(message)
        is_fresh = now - row.created_at < REPLAY
        response = _created(request, row, at=now, with_secret=is_fresh)
        response[idempotency.REPLAYED] = "true"
        return response


class SubscriptionDetail(Endpoint):
    @extend_schema(
        tags=["subscriptions"],
        operation_id="get_subscription",
        summary="One subscription",
        description="Without its secret.",
        parameters=[_ID],
        responses={
            200: OpenApiResponse(serializers.PortalSubscription, description="OK"),
            **problems.documented(404),
        },
    )
    def retrieve(self, request: Request, id: str) -> Response:
        return Response(serializers.portal_subscription(self.find(id)))

    @extend_schema(
        tags=["subscriptions"],
        operation_id="change_subscription",
        summary="Change a subscription",
        description="Deliveries that are queued keep the URL they were queued to.",
        parameters=[_ID],
        request=serializers.SubscriptionChanges,
        responses={
            200: OpenApiResponse(serializers.PortalSubscription, description="OK"),
            **problems.documented(400, 404, 413, 415),
        },
    )
    def change(self, request: Request, id: str) -> Response:
        row = self.find(id)
        fields = read(serializers.SubscriptionChanges, self.json_object())
        changed = self.update_subscription(row, fields)
        return Response(serializers.portal_subscription(changed))

    @extend_schema(
        tags=["subscriptions"],
        operation_id="delete_subscription",
        summary="Delete a subscription",
        description="What is queued for it is cancelled.",
        parameters=[_ID],
        responses={
            204: OpenApiResponse(description="Deleted"),
            **problems.documented(404),
        },
    )
    def delete(self, request: Request, id: str) -> Response:
        self.delete_subscription(self.find(id))
        return Response(status=204)


def _created(
    request: Request, row: Subscription, *, at: datetime, with_secret: bool
) -> Response:
    body = serializers.created_subscription(row, at=at, with_secret=with_secret)
    response = Response(body, status=201)
    response["Location"] = f"{request.path}/{row.public_id}"
    return response
