"""A partner's subscriptions; their deliveries follow Standard Webhooks 1.0.0."""

from collections.abc import Mapping
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import problems
from webhooks.api.serializers import subscriptions as serializers
from webhooks.api.serializers.queries import PageQuery
from webhooks.api.views.base import PartnerView, takes
from webhooks.console.paging import Keyset
from webhooks.delivery import standard
from webhooks.models import Subscription
from webhooks.operations.subscriptions import SubscriptionFields
from webhooks.rest import idempotency
from webhooks.rest.subscriptions import SubscriptionView

OLDEST_FIRST = Keyset("created_at", "public_id", is_ascending=True)

_ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH)


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


class View(PartnerView, SubscriptionView):
    profile = standard.PROFILE

    @classmethod
    def changes(
        cls, given: SubscriptionFields, stored: Subscription | None
    ) -> SubscriptionFields:
        return given


class Subscriptions(View):
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
        description="The answer holds the secret to verify deliveries with, masked for a "
        "key without the scope `secrets:reveal`.",
        parameters=[idempotency.PARAMETER],
        request=serializers.NewSubscription,
        responses={
            201: OpenApiResponse(
                serializers.CreatedSubscription, description="Created"
            ),
            **problems.documented(400, 409, 413, 415),
        },
    )
    def create(self, request: Request) -> Response:
        fields = read(serializers.NewSubscription, self.json_object())

        def create() -> Response:
            row = self.create_subscription(fields)
            (secret,) = row.live_secrets(timezone.now())
            shown = self.as_visible(secret)
            body = {**serializers.portal_subscription(row), "secret": shown}
            response = Response(body, status=201)
            response["Location"] = f"{request.path}/{row.public_id}"
            return response

        return idempotency.once(request, self.partner, create)


class SubscriptionDetail(View):
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
            **problems.documented(400, 404, 409, 413, 415),
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
