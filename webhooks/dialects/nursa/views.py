"""Nursa's operations. Each answers 201, as each page says, whatever the method."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Prefetch
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models import Attempt, Subscription
from webhooks.operations.subscriptions import SubscriptionFields
from webhooks.rest import nestjs, view
from webhooks.rest.extras import merged

from . import protocol, serializers, wire

SLUG = "nursa"
LOG_KEPT = timedelta(days=14)

# Read 2026-11-21: the pages give 201 for GET, POST, PATCH and DELETE alike.
SUCCESS = 201

REFUSALS = {
    400: OpenApiResponse(nestjs.BadRequest, description="Bad request"),
    401: OpenApiResponse(nestjs.Unauthorized, description="Unauthorized"),
    403: OpenApiResponse(nestjs.Refusal, description="Forbidden"),
    429: OpenApiResponse(nestjs.Refusal, description="Too Many Requests"),
    **nestjs.ANSWERS,
}
NOT_FOUND = {404: OpenApiResponse(nestjs.Refusal, description="Not Found")}
SAMPLE = OpenApiExample(
    "The vendor's sample",
    {
        "data": {
            "id": "cf3832dd-ba9b-4187-9ab2-c6cadafe875b",
            "url": "https://exemple.com/webhook",
            "events": [
                "facility.creation.accepted",
                "facility.user-connection.accepted",
            ],
            "clientId": "string",
            "secrets": [
                "sDV1aKqitCLClI12m7UPFbAAvZfZquJw",
                "mryefgHPBVHJwux0o3BYW7hPM0BZlcCa",
            ],
        }
    },
    response_only=True,
    status_codes=[str(SUCCESS)],
)
WEBHOOK_ID = OpenApiParameter(
    "webhookId", OpenApiTypes.STR, OpenApiParameter.PATH, description="Webhook id"
)


def read(
    accepted: type[serializers.UpdateWebhook], body: Mapping[str, Any]
) -> SubscriptionFields:
    """Raises ValidationError."""
    given: SubscriptionFields = accepted().run_validation(body)
    return given


class View(nestjs.View):
    slug = SLUG
    profile = wire.PROFILE
    refusals = protocol.REFUSALS
    authentication_classes = [protocol.Authentication]

    @classmethod
    def changes(
        cls, given: SubscriptionFields, stored: Subscription | None
    ) -> SubscriptionFields:
        """A PATCH keeps what it does not name."""
        kept = stored.extras if stored else {}
        return {**given, "extras": merged(kept, given["extras"])}

    def given(self, accepted: type[serializers.UpdateWebhook]) -> SubscriptionFields:
        """The body as it is read; an array is an object without fields, to
        class-validator."""
        body = self.request.data
        return read(accepted, body if isinstance(body, dict) else {})

    def answer(self, webhook: Subscription) -> dict[str, Any]:
        secrets = self.secrets_of(webhook)
        shown = serializers.ShownTo(webhook, secrets, self.caller.client_id)
        return serializers.Webhook.of(shown)


class Unrouted(View, view.Unrouted):
    pass


class UserWebhooks(View):
    @extend_schema(
        tags=["User Webhooks"],
        operation_id="UserWebhooksController_findUserWebhooks",
        summary="List User Webhooks",
        description="The user webhooks that are registered, oldest first.",
        responses={SUCCESS: serializers.WebhookList, **REFUSALS},
    )
    def list(self, request: Request) -> Response:
        found = self.visible().order_by("created_at", "id")
        return Response({"data": [self.answer(each) for each in found]}, SUCCESS)

    @extend_schema(
        tags=["User Webhooks"],
        operation_id="UserWebhooksController_createOneUserWebhook",
        summary="Create User Webhook",
        description="Registers a URL and the events that it is told of.",
        request={"application/json": serializers.CreateWebhook},
        responses={SUCCESS: serializers.WebhookData, **REFUSALS},
        examples=[SAMPLE],
    )
    def create(self, request: Request) -> Response:
        given = self.given(serializers.CreateWebhook)
        created = self.create_subscription(given)
        return Response({"data": self.answer(created)}, SUCCESS)


class UserWebhook(View):
    @extend_schema(
        tags=["User Webhooks"],
        operation_id="UserWebhooksController_updateOneUserWebhook",
        summary="Update User Webhook",
        description="Changes the URL, the events or the secrets of a user webhook.",
        parameters=[WEBHOOK_ID],
        request={"application/json": serializers.UpdateWebhook},
        responses={SUCCESS: serializers.WebhookData, **REFUSALS, **NOT_FOUND},
        examples=[SAMPLE],
    )
    def update(self, request: Request, webhookId: str) -> Response:  # noqa: N803
        given = self.given(serializers.UpdateWebhook)
        updated = self.update_subscription(self.find(webhookId), given)
        return Response({"data": self.answer(updated)}, SUCCESS)

    @extend_schema(
        tags=["User Webhooks"],
        operation_id="UserWebhooksController_deleteOneUserWebhook",
        summary="Delete User Webhook",
        description="Ends a user webhook and what is queued for it.",
        parameters=[WEBHOOK_ID],
        responses={SUCCESS: None, **REFUSALS, **NOT_FOUND},
    )
    def destroy(self, request: Request, webhookId: str) -> Response:  # noqa: N803
        self.delete_subscription(self.find(webhookId))
        return Response(status=SUCCESS)


class Logs(View):
    @extend_schema(
        tags=["Webhook Logs"],
        operation_id="WebhookLogsController_searchLogs",
        summary="Search webhook notification logs",
        description="What was sent to the caller's webhooks in the last 14 days.",
        parameters=[serializers.LogQuery],
        responses={SUCCESS: serializers.LogList, **REFUSALS},
    )
    def list(self, request: Request) -> Response:
        query = serializers.LogQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked: dict[str, Any] = query.validated_data
        found = (
            self.caller.access.deliveries()
            .filter(
                subscription__in=self.caller.access.subscriptions(SLUG),
                created_at__gte=timezone.now() - LOG_KEPT,
            )
            .filter(**_conditions(asked))
            .select_related("event")
            .prefetch_related(
                Prefetch("attempt_log", Attempt.objects.order_by("number"))
            )
            .order_by("id" if asked["sortDirection"] == "ASC" else "-id")
        )
        page = found[asked["offset"] : asked["offset"] + asked["limit"]]
        return Response({"data": [serializers.log(each) for each in page]}, SUCCESS)


def _conditions(asked: dict[str, Any]) -> dict[str, Any]:
    """The filters of a query, by field of a delivery."""
    conditions: dict[str, Any] = {}
    if asked["eventType"] != wire.ALL:
        conditions["event__type"] = wire.TYPES[asked["eventType"]]
    if facilities := asked.get("facilitiesIds"):
        conditions["event__data__facilityId__in"] = facilities
    # "After" and "before" are read as from and up to the moment itself.
    if start := asked.get("startDate"):
        conditions["created_at__gte"] = start
    if end := asked.get("endDate"):
        conditions["created_at__lte"] = end
    return conditions
