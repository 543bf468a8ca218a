"""BLAZE's operations on webhook registrations."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers as drf
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.models import Partner, Subscription
from webhooks.operations.subscriptions import SubscriptionFields, SubscriptionIdentity
from webhooks.rest import extras, parsing, view
from webhooks.rest.rendering import JSON
from webhooks.rest.subscriptions import SubscriptionView

from . import protocol, serializers, wire

READ = {
    401: OpenApiResponse(serializers.BlazeError, "Invalid partner or developer key"),
    403: OpenApiResponse(serializers.BlazeError, "Permission missing"),
    429: OpenApiResponse(serializers.BlazeError, "Rate limit exceeded"),
    500: OpenApiResponse(serializers.BlazeError, "Internal error"),
    503: OpenApiResponse(serializers.BlazeError, "Service unavailable"),
}
ONE = {404: OpenApiResponse(serializers.BlazeError, "Partner webhook not found")}
QUERIED = {400: OpenApiResponse(serializers.BlazeError, "Invalid argument")}
WRITTEN = {
    **QUERIED,
    413: OpenApiResponse(serializers.BlazeError, "Body too large"),
    415: OpenApiResponse(serializers.BlazeError, "Unsupported media type"),
}


def object_id() -> str:
    """An id of the form of MongoDB's: four bytes of time and eight of chance."""
    return f"{int(timezone.now().timestamp()):08x}{secrets.token_hex(8)}"


def read(
    accepted: type[drf.Serializer[Any]], body: Mapping[str, Any], shops: Sequence[str]
) -> dict[str, Any]:
    """A body of a caller that is bound to these shops; raises ValidationError."""
    sent = serializers.without_nulls(body)
    return extras.read(accepted, sent, ignored=serializers.SERVER_OWNED, shops=shops)


class View(SubscriptionView):
    slug = "blaze"
    profile = wire.PROFILE
    # Jersey reads a body only where a method takes one, so the views ask for it.
    check_order = ("method", "key", "scope", "rate")
    refusals = protocol.REFUSALS
    authentication_classes = [protocol.Authentication]
    renderer_classes = [JSON]

    @classmethod
    def identity(
        cls, partner: Partner, given: Mapping[str, Any], **fixed: Any
    ) -> SubscriptionIdentity:
        return super().identity(partner, given, public_id=object_id())

    @classmethod
    def changes(
        cls, given: Mapping[str, Any], stored: Subscription | None
    ) -> SubscriptionFields:
        """Without webHookUrls or shopId those that are stored stay."""
        urls: list[str] = serializers.as_given(stored)[1] if stored else []
        urls = given.get("webHookUrls", urls)
        url, event = given.get("url"), given.get("webHookType")
        return {
            "shop_id": given.get("shopId", stored.shop_id if stored else ""),
            "urls": serializers.targets(url, urls),
            "events": [event] if event else None,
            "extras": {**given["extras"], "url": url, "webHookUrls": urls},
        }

    def given(self, accepted: type[drf.Serializer[Any]]) -> dict[str, Any]:
        if not self.has_body:
            # Without a body there is no entity to Jackson; `{}` replaces, on the other hand.
            raise view.NotAnObject
        return read(accepted, self.json_object(), self.caller.shops)


class WebHooks(View):
    @extend_schema(
        operation_id="getPartnerWebHooks",
        summary="Get PARTNER WebHooks list",
        parameters=[serializers.ListQuery],
        responses={200: serializers.SearchResultPartnerWebHook, **QUERIED, **READ},
    )
    def search(self, request: Request) -> Response:
        """Retrieve a page of registrations, by type (event type) and shopId if given."""
        # An empty parameter is no parameter.
        sent = {name: text for name, text in request.query_params.items() if text}
        parsing.check(sent)
        query = serializers.ListQuery(data=sent)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        found = self.visible()
        if "type" in asked:
            found = found.filter(events=[asked["type"]])
        if "shopId" in asked:
            found = found.filter(shop_id=asked["shopId"])
        skip, limit = asked.get("start", asked.get("skip", 0)), asked["limit"]
        page = found.order_by("created_at", "public_id")
        return Response(
            serializers.search_result(
                list(page[skip : skip + limit]),
                skip=skip,
                limit=limit,
                total=found.count(),
            )
        )

    @extend_schema(
        operation_id="createPartnerWebHook",
        summary="Create PARTNER WebHooks",
        request=serializers.PartnerWebHookAdd,
        responses={200: serializers.PartnerWebHook, **WRITTEN, **READ},
    )
    def create(self, request: Request) -> Response:
        """Register URLs, and the type of event that they are told about."""
        given = self.given(serializers.PartnerWebHookAdd)
        created = self.create_subscription(given)
        return Response(serializers.PartnerWebHook.of(created))


class WebHook(View):
    @extend_schema(
        operation_id="getPartnerWebHookById",
        summary="Get PARTNER WebHooks By Id",
        responses={200: serializers.PartnerWebHook, **ONE, **READ},
    )
    def retrieve(self, request: Request, webHookId: str) -> Response:  # noqa: N803
        """Retrieve a single registration by its id."""
        return Response(serializers.PartnerWebHook.of(self.find(webHookId)))

    @extend_schema(
        operation_id="updatePartnerWebHook",
        summary="Update PARTNER WebHooks",
        request=serializers.PartnerWebHook,
        responses={200: serializers.PartnerWebHook, **WRITTEN, **ONE, **READ},
    )
    def update(self, request: Request, webHookId: str) -> Response:  # noqa: N803
        """Replace a registration: send the full PartnerWebHook.

        What the server owns is ignored: id, companyId, created, modified, deleted,
        updated. Without webHookUrls or shopId the stored ones stay.
        """
        given = self.given(serializers.PartnerWebHookReplacement)
        updated = self.update_subscription(self.find(webHookId), given)
        return Response(serializers.PartnerWebHook.of(updated))

    @extend_schema(
        operation_id="deletePartnerWebHook",
        summary="Delete partner webhook by id",
        responses={200: OpenApiResponse(None, "Deleted"), **ONE, **READ},
    )
    def destroy(self, request: Request, webHookId: str) -> Response:  # noqa: N803
        """Delete a registration; what is queued for it is cancelled."""
        self.delete_subscription(self.find(webHookId))
        return Response()  # 200 with no body, not 204


class Unrouted(View, view.Unrouted):
    """Any other path under BLAZE's."""
