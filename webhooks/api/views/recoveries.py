"""Recoveries: bulk replays of a partner's deliveries."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import problems
from webhooks.api.serializers import recoveries as serializers
from webhooks.api.serializers.queries import PageQuery
from webhooks.api.views.base import DIALECT, PartnerView, found, takes
from webhooks.console.paging import Keyset
from webhooks.operations import recoveries
from webhooks.operations.recoveries import Filter, Outcome
from webhooks.rest import idempotency

LATEST_FIRST = Keyset("id")

_ID = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)
_NO_SUBSCRIPTION = "There is no such subscription."
_BOUND = "A key that is bound to shops recovers one subscription at a time."


class RecoveryView(PartnerView):
    def filter(self, body: dict[str, Any]) -> Filter:
        """The selection that a body describes; raises ValidationError."""
        id = body.get("subscription")
        subscription = None
        if id is not None:
            rows = self.access.subscriptions(body.get("dialect", DIALECT))
            subscription = rows.with_public_id(id).first()
            if subscription is None:
                raise exceptions.ValidationError({"subscription": [_NO_SUBSCRIPTION]})
        elif self.caller.shops:
            raise exceptions.ValidationError({"subscription": [_BOUND]})
        return Filter(
            outcomes=[Outcome(outcome) for outcome in body["outcomes"]],
            since=body["since"],
            until=body.get("until"),
            subscription=subscription,
            types=body.get("event_types", ()),
        )


class Preview(RecoveryView):
    @extend_schema(
        tags=["recoveries"],
        operation_id="preview_recovery",
        summary="Count what a recovery would replay",
        description="Nothing is queued. What has arrived by a redelivery is not counted, "
        "nor what cannot be sent to.",
        request=serializers.RecoveryFilter,
        responses={
            200: OpenApiResponse(serializers.RecoveryPreview, description="OK"),
            **problems.documented(400, 409, 413, 415),
        },
    )
    def count(self, request: Request) -> Response:
        body = self.read(serializers.RecoveryFilter)
        counts = recoveries.preview(partner=self.partner, filter=self.filter(body))
        return Response(
            {
                "counts": {str(each): n for each, n in counts.by_outcome.items()},
                "total": counts.total,
                "is_total_exact": counts.is_exact,
            }
        )


class Recoveries(RecoveryView):
    @takes(PageQuery)
    @extend_schema(
        tags=["recoveries"],
        operation_id="list_recoveries",
        summary="The partner's recoveries",
        responses={
            200: OpenApiResponse(serializers.RecoveryPage, description="OK"),
            **problems.documented(),
        },
    )
    def page(self, request: Request) -> Response:
        page = self.page_of(self.access.recoveries(), LATEST_FIRST)
        return Response({"data": serializers.many(page.rows), "next": page.next})

    @extend_schema(
        tags=["recoveries"],
        operation_id="start_recovery",
        summary="Replay deliveries in bulk",
        description="Queues everything again that matches and has ended by now, in small "
        "batches behind new events. A missed event, and one that had no URL, goes to each "
        "URL of its subscription.",
        parameters=[idempotency.PARAMETER],
        request=serializers.NewRecovery,
        responses={
            202: OpenApiResponse(serializers.PartnerRecovery, description="Started"),
            **problems.documented(400, 409, 413, 415),
        },
    )
    def start(self, request: Request) -> Response:
        body = self.read(serializers.NewRecovery)
        filter = self.filter(body)

        def start() -> Response:
            row = recoveries.start(
                by=self.caller.actor,
                partner=self.partner,
                filter=filter,
                rerender=body["rerender"],
            )
            response = Response(serializers.one(row), status=202)
            response["Location"] = f"{request.path}/{row.id}"
            return response

        return idempotency.once(request, self.partner, start)


class RecoveryDetail(RecoveryView):
    @extend_schema(
        tags=["recoveries"],
        operation_id="get_recovery",
        summary="The progress of a recovery",
        parameters=[_ID],
        responses={
            200: OpenApiResponse(serializers.PartnerRecovery, description="OK"),
            **problems.documented(404),
        },
    )
    def retrieve(self, request: Request, id: str) -> Response:
        return Response(serializers.one(found(self.access.recoveries(), id)))


class Cancellation(RecoveryView):
    @extend_schema(
        tags=["recoveries"],
        operation_id="cancel_recovery",
        summary="Cancel a recovery",
        description="Queues no more and cancels the pending deliveries. A second call "
        "changes nothing.",
        parameters=[_ID],
        request=None,
        responses={
            200: OpenApiResponse(serializers.PartnerRecovery, description="Cancelled"),
            **problems.documented(404, 409),
        },
    )
    def cancel(self, request: Request, id: str) -> Response:
        row = recoveries.cancel(
            by=self.caller.actor, recovery=found(self.access.recoveries(), id)
        )
        return Response(serializers.one(row))
