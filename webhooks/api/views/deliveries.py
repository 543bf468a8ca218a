"""A partner's deliveries, of every dialect; redelivery and tests."""

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import problems
from webhooks.api.serializers import deliveries as serializers
from webhooks.api.serializers.queries import DeliveryQuery, DialectQuery
from webhooks.api.views.base import DIALECT, PartnerView, found, takes
from webhooks.console.paging import Keyset
from webhooks.models import Delivery, Subscription, ids
from webhooks.operations import deliveries, testing
from webhooks.rest import idempotency

from .secrets import ID

LATEST_FIRST = Keyset("id")

_ID = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)


class DeliveryView(PartnerView):
    def log(self) -> QuerySet[Delivery]:
        """The deliveries that the caller may see, with their events and subscriptions."""
        return self.access.deliveries().select_related("event", "subscription")


class Deliveries(DeliveryView):
    @takes(DeliveryQuery)
    @extend_schema(
        tags=["deliveries"],
        operation_id="list_deliveries",
        summary="The partner's deliveries",
        description="Of subscriptions of every dialect, deleted ones included.",
        responses={
            200: OpenApiResponse(serializers.DeliveryPage, description="OK"),
            **problems.documented(),
        },
    )
    def page(self, request: Request) -> Response:
        rows = self._filtered(self.log().defer("event__data"))
        page = self.page_of(rows, LATEST_FIRST)
        data = [serializers.partner_delivery(row) for row in page.rows]
        return Response({"data": data, "next": page.next})

    def _filtered(self, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
        filters = self.query
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


class DeliveryDetail(DeliveryView):
    @extend_schema(
        tags=["deliveries"],
        operation_id="get_delivery",
        summary="One delivery with its attempts",
        parameters=[_ID],
        responses={
            200: OpenApiResponse(serializers.DeliveryWithAttempts, description="OK"),
            **problems.documented(404),
        },
    )
    def retrieve(self, request: Request, id: str) -> Response:
        return Response(serializers.with_attempts(found(self.log(), id)))


class Redelivery(DeliveryView):
    @extend_schema(
        tags=["deliveries"],
        operation_id="redeliver",
        summary="Send a delivery again, or now",
        description="Sends a settled delivery once more, as a new delivery of the same "
        "event, with the same bytes unless `rerender` is true. A pending one is sent now, "
        "and the answer shows that delivery itself.",
        parameters=[_ID, idempotency.PARAMETER],
        request=serializers.Redelivery,
        responses={
            202: OpenApiResponse(serializers.PartnerDelivery, description="Queued"),
            **problems.documented(400, 404, 409, 413, 415),
        },
    )
    def redeliver(self, request: Request, id: str) -> Response:
        body = self.read(serializers.Redelivery)
        row = found(self.log(), id)

        def redeliver() -> Response:
            queued = deliveries.redeliver(
                by=self.caller.actor,
                delivery=row,
                rerender=body["rerender"],
            )
            answer = serializers.partner_delivery(self.log().get(pk=queued.pk))
            return Response(answer, status=202)

        return idempotency.once(request, self.partner, redeliver)


class Test(DeliveryView):
    @takes(DialectQuery)
    @extend_schema(
        tags=["subscriptions"],
        operation_id="test_subscription",
        summary="Send a test",
        description="Sends a test event to this subscription only, whatever it subscribes "
        "to. The delivery is listed like any other and has one attempt.",
        parameters=[ID, idempotency.PARAMETER],
        request=serializers.Test,
        responses={
            202: OpenApiResponse(serializers.TestSent, description="Queued"),
            **problems.documented(400, 404, 409, 413, 415),
        },
    )
    def send(self, request: Request, id: str) -> Response:
        body = self.read(serializers.Test)
        row = self.subscription(id)

        def send() -> Response:
            event = testing.send(
                by=self.caller.actor,
                subscription=row,
                type=body.get("event_type"),
            )
            queued = self.log().filter(event=event).order_by("id")
            answer = {
                "event": serializers.delivered_event(event),
                "deliveries": [serializers.partner_delivery(d) for d in queued],
            }
            return Response(answer, status=202)

        return idempotency.once(request, self.partner, send)
