"""Topiic's one documented operation."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models import Partner, Subscription
from webhooks.operations.subscriptions import SubscriptionFields, SubscriptionIdentity
from webhooks.rest import view
from webhooks.rest.caller import BearerKey
from webhooks.rest.rendering import JSONWithCharset
from webhooks.rest.subscriptions import SubscriptionView

from . import protocol, serializers, wire
from .protocol import EMPTY_BODY, PROBLEMS


def read(body: Mapping[str, Any], *, text: bytes, id: str) -> dict[str, Any]:
    """The command for the key of that id; raises ValidationError."""
    command = serializers.UpdateWebhook(data=body, context={"text": text, "id": id})
    command.is_valid(raise_exception=True)
    given: dict[str, Any] = command.validated_data
    return given


class View(SubscriptionView):
    slug = "topiic"
    profile = wire.PROFILE
    refusals = protocol.REFUSALS
    authentication_classes = [BearerKey]
    renderer_classes = [JSONWithCharset]
    parser_classes = [serializers.Text]
    # The body as it was sent: errors say where in it a value stands.
    text = b""

    @classmethod
    def identity(
        cls, partner: Partner, given: Mapping[str, Any], **fixed: Any
    ) -> SubscriptionIdentity:
        return super().identity(partner, given, api_key=given["api_key"])

    @classmethod
    def changes(
        cls, given: Mapping[str, Any], stored: Subscription | None
    ) -> SubscriptionFields:
        url = given["webhookUrl"]
        return {
            "urls": [] if url is None else [url],
            "events": given["webhookEvents"],
            "is_active": given["webhookEnabled"],
            "extras": given["extras"],
        }


class Unrouted(View, view.Unrouted):
    pass


class Webhook(View):
    @extend_schema(
        tags=["ApiKeys"],
        operation_id="UpdateApiKeyWebhook",
        summary="Update Webhook Configuration",
        description="Sets the webhook URL, subscribed event types, and enabled flag for "
        "this API key.",
        parameters=[OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        request=serializers.UpdateWebhook,
        responses={
            200: OpenApiResponse(serializers.ApiKeySettings, description="OK"),
            **{
                status: OpenApiResponse(serializers.ProblemDetails, description=title)
                for status, (_, title) in PROBLEMS.items()
                if status != 405
            },
        },
    )
    def update(self, request: Request, id: str) -> Response:
        if not self.has_body:
            raise exceptions.ValidationError({"": [EMPTY_BODY]})
        command = read(self.json_object(), text=self.text, id=id)
        if command["id"] != serializers.guid(id):
            raise protocol.IdsDiffer
        if command["merchantId"] != self.partner.id:
            raise protocol.AnotherMerchant
        keys = self.caller.access.keys()
        key = keys.filter(id=command["id"], revoked_at=None).first()
        if key is None:
            raise view.NotFound
        subscription = self.put_subscription({**command, "api_key": key})
        return Response(serializers.ApiKeySettings.of(subscription))
