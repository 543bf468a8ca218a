"""The log of a partner's deliveries, of every dialect, and what can be done with one."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import idempotency, paging, protocol
from webhooks.api.endpoints import problems
from webhooks.api.protocol import Conflict
from webhooks.api.scoping import DIALECT, Scoped, known
from webhooks.api.serializers import deliveries as serializers
from webhooks.models import Delivery, Subscription, ids
from webhooks.operations import deliveries, testing
from webhooks.rest import endpoint

from .secrets import DIALECT_PARAMETER, ID

_ID = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)


class Logged(Scoped):
    def shown(self) -> QuerySet[Delivery]:
        return self.deliveries().select_related("event", "subscription")

    def found(self, id: UUID) -> Delivery:
        row = self.shown().filter(id=id).first()
        if row is None:
            raise endpoint.NotFound
        return row


class Deliveries(Logged):
    @extend_schema(
        tags=["deliveries"],
        operation_id="list_deliveries",
        summary="What was sent to the partner, or is to be",
        description="Of subscriptions of every dialect, deleted ones included.",
        parameters=[serializers.DeliveryFilters, *paging.PARAMETERS],
        responses={
            200: OpenApiResponse(serializers.DeliveryPage, description="OK"),
            **problems(422),
        },
    )
    def page(self, request: Request) -> Response:
        asked = paging.asked(request, parts=1)
        filters = paging.parameters(request, serializers.DeliveryFilters)
        rows = self._filtered(self.shown().defer("event__data"), filters)
        if (last := paging.by_id(asked)) is not None:
            rows = rows.filter(id__lt=last)
        return Response(
            paging.page(
                request,
                asked,
                list(rows[: asked.limit + 1]),
                key=lambda row: [str(row.id)],
                shown=serializers.partner_delivery,
            )
        )

    def _filtered(
        self, rows: QuerySet[Delivery], filters: dict[str, Any]
    ) -> QuerySet[Delivery]:
        if state := filters.get("state"):
            rows = rows.filter(state=state)
        if id := filters.get("subscription"):
            dialect = filters.get("dialect", DIALECT)
            rows = rows.filter(
                subscription__in=Subscription.objects.filter(
                    partner=self.partner, dialect=dialect
                ).with_public_id(id)
            )
        elif dialect := filters.get("dialect"):
            rows = rows.filter(subscription__dialect=dialect)
        if type := filters.get("event_type"):
            rows = rows.filter(event__type=type)
        if since := filters.get("since"):
            rows = rows.filter(id__gte=ids.before(since), created_at__gte=since)
        if until := filters.get("until"):
            rows = rows.filter(id__lt=ids.after(until), created_at__lt=until)
        return rows


class DeliveryDetail(Logged):
    @extend_schema(
        tags=["deliveries"],
        operation_id="get_delivery",
        summary="One delivery with its attempts",
        parameters=[_ID],
        responses={
            200: OpenApiResponse(serializers.DeliveryWithAttempts, description="OK"),
            **problems(404),
        },
    )
    def retrieve(self, request: Request, id: str) -> Response:
        return Response(serializers.with_attempts(self.found(known(id))))


class Redelivery(Logged):
    @extend_schema(
        tags=["deliveries"],
        operation_id="redeliver",
        summary="Send a delivery again, or now",
        description="What has ended is sent once more as a new delivery of the same "
        "event, with the same bytes unless it is to be rendered anew. What waits for a "
        "retry is sent now and answered itself.",
        parameters=[_ID, idempotency.PARAMETER],
        request=serializers.Redelivery,
        responses={
            202: OpenApiResponse(serializers.PartnerDelivery, description="Queued"),
            **problems(400, 404, 409, 413, 415, 422),
        },
    )
    def redeliver(self, request: Request, id: str) -> Response:
        asked = serializers.Redelivery(data=self.json_object())
        asked.is_valid(raise_exception=True)
        row = self.found(known(id))

        def redeliver() -> Response:
            queued = deliveries.redeliver(
                by=self.caller.actor,
                delivery=row,
                now=timezone.now(),
                rerender=asked.validated_data["rerender"],
            )
            shown = serializers.partner_delivery(self.found(queued.id))
            return Response(shown, status=202)

        try:
            return idempotency.once(request, self.partner, redeliver)
        except deliveries.NotReceiving as why:
            raise Conflict(str(why), protocol.NOT_RECEIVING) from None
        except deliveries.UnderWay:
            raise Conflict("An attempt is under way.") from None
        except deliveries.StillPending:
            detail = "It is still pending, and only what has ended is rendered anew."
            raise Conflict(detail) from None
        except deliveries.Gone:
            raise endpoint.NotFound from None


class Test(Logged):
    @extend_schema(
        tags=["subscriptions"],
        operation_id="test_subscription",
        summary="Send a test",
        description="An event that did not happen, to this subscription and to no "
        "other, whatever it subscribes to. It is in the log like any other, and is "
        "tried once.",
        parameters=[ID, DIALECT_PARAMETER, idempotency.PARAMETER],
        request=serializers.Test,
        responses={
            202: OpenApiResponse(serializers.TestSent, description="Queued"),
            **problems(400, 404, 409, 413, 415, 422),
        },
    )
    def send(self, request: Request, id: str) -> Response:
        asked = serializers.Test(data=self.json_object())
        asked.is_valid(raise_exception=True)
        row = self.subscription(request, id)

        def send() -> Response:
            event = testing.send(
                by=self.caller.actor,
                subscription=row,
                now=timezone.now(),
                type=asked.validated_data.get("event_type"),
            )
            queued = self.shown().filter(event=event).order_by("id")
            body = {
                "event": serializers.delivered_event(event),
                "deliveries": [serializers.partner_delivery(d) for d in queued],
            }
            return Response(body, status=202)

        try:
            return idempotency.once(request, self.partner, send)
        except deliveries.NotReceiving as why:
            raise Conflict(str(why), protocol.NOT_RECEIVING) from None
        except testing.Untestable:
            detail = "The subscription's dialect has no name for such an event."
            raise Conflict(detail) from None
