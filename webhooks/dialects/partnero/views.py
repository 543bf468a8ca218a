"""What Partnero's callers may do with their webhooks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.dialects.base import unrecognised
from webhooks.models import Partner, Subscription
from webhooks.models.keyformat import random_text
from webhooks.models.subscriptions import SubscriptionQuerySet
from webhooks.operations import subscriptions
from webhooks.rest import endpoint
from webhooks.rest.caller import BearerKey
from webhooks.rest.rendering import JSON

from . import serializers, wire
from .protocol import PARSERS, REFUSALS, SUCCESS, Page

DIALECT = "partnero"
KEY_LENGTH = 12  # of the keys that are generated

READ = {
    401: OpenApiResponse(serializers.Failure, "Unauthenticated"),
    403: OpenApiResponse(serializers.Failure, "Unauthorized"),
    429: OpenApiResponse(serializers.Failure, "Too many attempts"),
    500: OpenApiResponse(serializers.Failure, "Server error"),
}
ONE = {404: OpenApiResponse(serializers.Failure, "Webhook not found")}
GIVEN = {
    400: OpenApiResponse(serializers.Failure, "The body is not valid JSON"),
    413: OpenApiResponse(serializers.Failure, "The body is too large"),
    422: OpenApiResponse(serializers.Invalid, "The given data is invalid"),
}


def shown(subscription: Subscription, now: datetime) -> dict[str, Any]:
    return dict(serializers.PartneroWebhook(subscription, context={"now": now}).data)


def enveloped(subscription: Subscription, now: datetime) -> dict[str, Any]:
    return {"data": shown(subscription, now), "status": SUCCESS}


def single(subscription: Subscription, now: datetime) -> Response:
    return Response(enveloped(subscription, now))


def place(partner: Partner, key: str | None) -> subscriptions.SubscriptionIdentity:
    return subscriptions.SubscriptionIdentity(
        partner=partner,
        dialect=DIALECT,
        profile=wire.PROFILE.name,
        public_id=key or random_text(KEY_LENGTH),
    )


def created(
    body: Mapping[str, Any],
) -> tuple[str | None, subscriptions.SubscriptionFields]:
    """The key that a body gives a new webhook, and the rest of it; raises
    ValidationError."""
    serializer = serializers.PartneroWebhookCreate(data=body)
    serializer.is_valid(raise_exception=True)
    given = serializer.validated_data
    extras = unrecognised(body, serializers.KNOWN)
    return given.get("key"), {"extras": extras, **_row(given)}


def changed(
    subscription: Subscription, body: Mapping[str, Any]
) -> subscriptions.SubscriptionFields:
    """What a body changes of a webhook; raises ValidationError."""
    serializer = serializers.PartneroWebhookUpdate(data=body)
    serializer.is_valid(raise_exception=True)
    extras = unrecognised({**subscription.extras, **body}, serializers.KNOWN)
    return {"extras": extras, **_row(serializer.validated_data)}


def _row(given: dict[str, Any]) -> subscriptions.SubscriptionFields:
    """What the fields of a request are in a subscription; absent ones stay absent."""
    names = ("name", "is_active", "events")
    fields: dict[str, Any] = {name: given[name] for name in names if name in given}
    if "url" in given:
        fields["urls"] = [given["url"]]
    return cast(subscriptions.SubscriptionFields, fields)


class Endpoint(endpoint.Endpoint):
    slug = DIALECT
    # A body on GET or DELETE is read only where the list looks for its parameters.
    check_order = ("method", "key", "scope", "rate")
    refusals = REFUSALS
    authentication_classes = [BearerKey]
    renderer_classes = [JSON]
    parser_classes = PARSERS

    def visible(self, now: datetime) -> SubscriptionQuerySet:
        return self.caller.access.subscriptions(DIALECT).whole(at=now)

    def find(self, now: datetime) -> Subscription:
        """Raises NotFound."""
        found = self.visible(now).filter(public_id=self.kwargs["key"]).first()
        if found is None:
            raise endpoint.NotFound
        return found


class Webhooks(Endpoint):
    # Laravel takes a body of a type that it does not read for no input.
    ignores_other_media_types = True

    @extend_schema(
        operation_id="listWebhooks",
        summary="Get a list of webhooks",
        parameters=[
            OpenApiParameter("limit", int, description="10 to 100; 10 by default."),
            OpenApiParameter("page", int, description="1 by default."),
        ],
        responses={200: serializers.WebhookPage, **GIVEN, **READ},
    )
    def index(self, request: Request) -> Response:
        """Retrieve information about the current webhooks of your program."""
        now = timezone.now()
        page = Page.asked(self.parameters())
        newest = self.visible(now).order_by("-created_at", "-id")
        # One more than the page holds says whether there is a next one.
        found = list(newest[page.skip : page.skip + page.limit + 1])
        return Response(
            {
                "data": [shown(each, now) for each in found[: page.limit]],
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
        now = timezone.now()
        key, fields = created(self.json_object())
        fields["secrets"] = [wire.new_secret()]
        try:
            row = subscriptions.create(
                by=self.caller.actor,
                identity=place(self.partner, key),
                **fields,
            )
        except subscriptions.PublicIdTaken:
            raise ValidationError({"key": [serializers.KEY_TAKEN]}) from None
        return single(row, now)


class Webhook(Endpoint):
    # Other media types are refused here: a PUT would change nothing and be told so with 200.
    @extend_schema(
        operation_id="fetchWebhook",
        summary="Fetch a webhook",
        responses={200: serializers.Single, **ONE, **READ},
    )
    def retrieve(self, request: Request, **path: str) -> Response:
        """Retrieve information about a single webhook."""
        now = timezone.now()
        return single(self.find(now), now)

    @extend_schema(
        operation_id="updateWebhook",
        summary="Update a webhook",
        request={"application/json": serializers.PartneroWebhookUpdate},
        responses={200: serializers.Single, **GIVEN, **ONE, **READ},
    )
    def update(self, request: Request, **path: str) -> Response:
        """Change what is given of a webhook."""
        body = self.json_object()
        updated = subscriptions.update(
            by=self.caller.actor,
            subscription=self.find(timezone.now()),
            change=lambda stored: changed(stored, body),
        )
        return single(updated, timezone.now())

    @extend_schema(
        operation_id="deleteWebhook",
        summary="Delete a webhook",
        responses={200: serializers.Deleted, **ONE, **READ},
    )
    def destroy(self, request: Request, **path: str) -> Response:
        """Delete a webhook; what is queued for it is cancelled."""
        subscriptions.delete(
            by=self.caller.actor, subscription=self.find(timezone.now())
        )
        return Response({"status": SUCCESS})


class Test(Endpoint):
    @extend_schema(
        operation_id="test",
        summary="Test the credentials",
        responses={200: serializers.Program, **READ},
    )
    def retrieve(self, request: Request) -> Response:
        """Whether a key is good: what the vendor's own clients call first."""
        program = {"id": str(self.partner.id), "name": self.partner.name}
        return Response({"data": program, "status": SUCCESS})


class Unrouted(Endpoint, endpoint.Unrouted):
    """Any other path under Partnero's."""
