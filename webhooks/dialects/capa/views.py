"""Capa's one documented operation."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models import Partner, Subscription
from webhooks.operations.subscriptions import SubscriptionFields, SubscriptionIdentity
from webhooks.rest import extras, nestjs, view

from . import serializers, wire
from .protocol import VERSION_1, VERSION_2, Authentication

SAMPLE = OpenApiExample(
    "The vendor's sample",
    {
        "status": "ok",
        "data": {
            "id": "12a121ad-cbea-4ec4-9e0a-5c861e528bba",
            "partnerId": "12a121ad-cbea-4ec4-9e0a-5c861e528bba",
            "url": "https://some-webhook-endpoint.url",
            "createdAt": "2024-04-05 13:45:27.063",
            "updatedAt": "2024-04-05 13:45:27.063",
        },
    },
    response_only=True,
    status_codes=["200"],
)


def read(body: Mapping[str, Any]) -> dict[str, Any]:
    """Raises ValidationError."""
    return extras.read(serializers.UpdateWebhookSettings, body)


class View(nestjs.View):
    slug = "capa"
    profile = wire.PROFILE
    version = VERSION_1
    refusals = VERSION_1.refusals
    authentication_classes = [Authentication]

    @classmethod
    def identity(
        cls, partner: Partner, given: Mapping[str, Any], **fixed: Any
    ) -> SubscriptionIdentity:
        return super().identity(partner, given, is_singleton=True)

    @classmethod
    def changes(
        cls, given: Mapping[str, Any], stored: Subscription | None
    ) -> SubscriptionFields:
        url = given["url"]
        return {"urls": [] if url is None else [url], "extras": given["extras"]}


class Unrouted(View, view.Unrouted):
    pass


class WebhookSettings(View):
    @extend_schema(
        tags=["Partner webhook settings"],
        operation_id="PartnerWebhookSettingsController_update",
        summary="Update webhook settings",
        description="Sets or resets the URL where an affiliated partner receives "
        "webhook notifications.",
        request={"application/json": serializers.UpdateWebhookSettings},
        responses={
            200: serializers.Success,
            400: OpenApiResponse(
                PolymorphicProxySerializer(
                    component_name="BadRequest",
                    serializers=[serializers.Error, nestjs.Refusal],
                    resource_type_field_name=None,
                ),
                description="Invalid User Input, or malformed JSON",
            ),
            401: OpenApiResponse(serializers.Error, description="Unauthorized"),
            403: OpenApiResponse(serializers.Error, description="Forbidden"),
            429: OpenApiResponse(serializers.Error, description="Too Many Requests"),
            **nestjs.ANSWERS,
        },
        examples=[SAMPLE],
    )
    def update(self, request: Request) -> Response:
        subscription = self.put_subscription(read(self.json_object()))
        answer = serializers.WebhookSettings.of(subscription)
        return Response(self.version.success(answer))


class WebhookSettings2(WebhookSettings):
    version = VERSION_2
    refusals = VERSION_2.refusals
