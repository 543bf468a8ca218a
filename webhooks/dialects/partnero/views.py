"""Partnero's operations on webhooks."""

from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers as drf
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models import Partner, Subscription
from webhooks.models.keyformat import random_text
from webhooks.operations import subscriptions
from webhooks.operations.subscriptions import SubscriptionFields, SubscriptionIdentity
from webhooks.rest import extras, view
from webhooks.rest.answers import Shown
from webhooks.rest.caller import BearerKey
from webhooks.rest.rendering import JSON
from webhooks.rest.subscriptions import SubscriptionView

from . import serializers, wire
from .protocol import PARSERS, REFUSALS, SUCCESS

KEY_LENGTH = 12  # of the keys that are generated

READ = {
    401: OpenApiResponse(serializers.Failure, "Unauthenticated"),
    403: OpenApiResponse(serializers.Failure, "Unauthorized"),
    429: OpenApiResponse(serializers.Failure, "Too many attempts"),
    500: OpenApiResponse(serializers.Failure, "Server error"),
    503: OpenApiResponse(serializers.Failure, "Service unavailable"),
}
ONE = {404: OpenApiResponse(serializers.Failure, "Webhook not found")}
GIVEN = {
    400: OpenApiResponse(serializers.Failure, "The body is not valid JSON"),
    413: OpenApiResponse(serializers.Failure, "The body is too large"),
    422: OpenApiResponse(serializers.Invalid, "The given data is invalid"),
}


def enveloped(shown: Shown) -> dict[str, Any]:
    return {"data": serializers.PartneroWebhook.of(shown), "status": SUCCESS}


def read(
    accepted: type[drf.Serializer[Any]], body: Mapping[str, Any]
) -> dict[str, Any]:
    """Raises ValidationError."""
    return extras.read(accepted, body, ignored=serializers.SERVER_OWNED)


class View(SubscriptionView):
    slug = "partnero"
    profile = wire.PROFILE
    # A body on GET or DELETE is read only where the list looks for its parameters.
    check_order = ("method", "key", "scope", "rate")
    refusals = REFUSALS
    authentication_classes = [BearerKey]
    renderer_classes = [JSON]
    parser_classes = PARSERS

    @classmethod
    def identity(
        cls, partner: Partner, given: Mapping[str, Any], **fixed: Any
    ) -> SubscriptionIdentity:
        key = given.get("key") or random_text(KEY_LENGTH)
        return super().identity(partner, given, public_id=key)

    @classmethod
    def changes(
        cls, given: Mapping[str, Any], stored: Subscription | None
    ) -> SubscriptionFields:
        """What is absent stays as it is."""
        fields = {n: given[n] for n in ("name", "is_active", "events") if n in given}
        if "url" in given:
            fields["urls"] = [given["url"]]
        fields["extras"] = extras.merged(
            stored.extras if stored else {}, given["extras"]
        )
        return cast(SubscriptionFields, fields)

    def shown(self, row: Subscription) -> Shown:
        return Shown(row, self.secrets_of(row))


class Webhooks(View):
    # Laravel takes a body of a type that it does not read for no input.
    ignores_other_media_types = True

    @extend_schema(
        operation_id="listWebhooks",
        summary="Get a list of webhooks",
        parameters=[
            OpenApiParameter("limit", int, description="10 to 100; 10 by default."),
            OpenApiParameter(
                "page",
                {"oneOf": [{"type": "integer"}, {"type": "string"}]},
                description="1 by default, and for what is no number.",
            ),
        ],
        responses={200: serializers.WebhookPage, **GIVEN, **READ},
    )
    def index(self, request: Request) -> Response:
        """Retrieve information about the current webhooks of your program."""
        show = serializers.PartneroWebhook.of
        page = serializers.Page.asked(self.parameters())
        newest = self.visible().order_by("-created_at", "-id")
        # One more than the page holds says whether there is a next one.
        found = list(newest[page.skip : page.skip + page.limit + 1])
        return Response(
            {
                "data": [show(self.shown(each)) for each in found[: page.limit]],
                **page.links_and_meta(request, found=len(found)),
                "status": SUCCESS,
            }
        )

    def parameters(self) -> dict[str, Any]:
        """The vendor's PHP SDK sends them as a JSON body, which Laravel reads before the
        query; without any it sends `[]`."""
        body = self.request.data
        query = self.request.query_params.dict()
        return {**query, **body} if isinstance(body, dict) else query

    @extend_schema(
        operation_id="createWebhook",
        summary="Create a webhook",
        request={"application/json": serializers.PartneroWebhookCreate},
        responses={200: serializers.Single, **GIVEN, **READ},
    )
    def create(self, request: Request) -> Response:
        """Create a webhook. Without a key of yours a unique one is generated."""
        given = read(serializers.PartneroWebhookCreate, self.json_object())
        try:
            row = self.create_subscription(given)
        except subscriptions.PublicIdTaken:
            raise ValidationError({"key": [serializers.KEY_TAKEN]}) from None
        return Response(enveloped(self.shown(row)))


class Webhook(View):
    # Other media types are refused here: a PUT would change nothing and be told so with 200.
    @extend_schema(
        operation_id="fetchWebhook",
        summary="Fetch a webhook",
        responses={200: serializers.Single, **ONE, **READ},
    )
    def retrieve(self, request: Request, key: str) -> Response:
        """Retrieve information about a single webhook."""
        return Response(enveloped(self.shown(self.find(key))))

    @extend_schema(
        operation_id="updateWebhook",
        summary="Update a webhook",
        request={"application/json": serializers.PartneroWebhookUpdate},
        responses={200: serializers.Single, **GIVEN, **ONE, **READ},
    )
    def update(self, request: Request, key: str) -> Response:
        """Change what is given of a webhook."""
        self.check_body(request)  # malformed JSON comes before an unknown webhook
        found = self.find(key)
        given = read(serializers.PartneroWebhookUpdate, self.json_object())
        updated = self.update_subscription(found, given)
        return Response(enveloped(self.shown(updated)))

    @extend_schema(
        operation_id="deleteWebhook",
        summary="Delete a webhook",
        responses={200: serializers.Deleted, **ONE, **READ},
    )
    def destroy(self, request: Request, key: str) -> Response:
        """Delete a webhook; what is queued for it is cancelled."""
        self.delete_subscription(self.find(key))
        return Response({"status": SUCCESS})


class Test(View):
    @extend_schema(
        operation_id="test",
        summary="Test the credentials",
        responses={200: serializers.Program, **READ},
    )
    def retrieve(self, request: Request) -> Response:
        """Whether a key is good: what the vendor's own clients call first."""
        program = {"id": str(self.partner.id), "name": self.partner.name}
        return Response({"data": program, "status": SUCCESS})


class Unrouted(View, view.Unrouted):
    """Any other path under Partnero's."""
