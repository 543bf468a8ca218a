"""Bulk replays of a partner's deliveries."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import idempotency, paging, protocol
from webhooks.api.endpoints import problems
from webhooks.api.protocol import Conflict
from webhooks.api.scoping import DIALECT, Scoped, known
from webhooks.api.serializers import recoveries as serializers
from webhooks.models import Recovery
from webhooks.operations import deliveries, recoveries
from webhooks.operations.recoveries import Filter, InvalidFilter, Outcome
from webhooks.rest import endpoint

_ID = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)
_NO_SUBSCRIPTION = "There is no such subscription."
_BOUND = "A key that is bound to shops recovers one subscription at a time."
_FIELDS = {"types": "event_types"}


class Asking(Scoped):
    def filter(self, validated: dict[str, Any]) -> Filter:
        """What a body asks for; raises ValidationError."""
        id = validated.get("subscription")
        subscription = None
        if id is not None:
            rows = self.subscriptions(validated.get("dialect", DIALECT))
            subscription = rows.with_public_id(id).first()
            if subscription is None:
                raise exceptions.ValidationError({"subscription": [_NO_SUBSCRIPTION]})
        elif self.caller.shops:
            raise exceptions.ValidationError({"subscription": [_BOUND]})
        return Filter(
            outcomes=[Outcome(outcome) for outcome in validated["outcomes"]],
            since=validated["since"],
            until=validated.get("until"),
            subscription=subscription,
            types=validated.get("event_types", ()),
        )

    def handle_exception(self, exc: Exception) -> Response:
        match exc:
            case InvalidFilter():
                field = _FIELDS.get(exc.field, exc.field)
                exc = exceptions.ValidationError({field: [exc.message]})
            case deliveries.NotReceiving():
                exc = Conflict(str(exc), protocol.NOT_RECEIVING)
            case recoveries.Finished():
                exc = Conflict("The recovery has ended, and nothing of it waits.")
        return super().handle_exception(exc)

    def found(self, id: str) -> Recovery:
        row = self.recoveries().filter(id=known(id)).first()
        if row is None:
            raise endpoint.NotFound
        return row

    def shown(self, row: Recovery) -> dict[str, Any]:
        return serializers.shown([row])[row.id]


class Preview(Asking):
    @extend_schema(
        tags=["recoveries"],
        operation_id="preview_recovery",
        summary="Count what a recovery would replay",
        description="Nothing is queued. What has arrived by a redelivery is not counted, "
        "nor what cannot be sent to.",
        request=serializers.RecoveryFilter,
        responses={
            200: OpenApiResponse(serializers.RecoveryPreview, description="OK"),
            **problems(400, 409, 413, 415, 422),
        },
    )
    def count(self, request: Request) -> Response:
        asked = serializers.RecoveryFilter(data=self.json_object())
        asked.is_valid(raise_exception=True)
        counts = recoveries.preview(
            partner=self.partner,
            filter=self.filter(asked.validated_data),
            now=timezone.now(),
        )
        shown = {str(outcome): count for outcome, count in counts.items()}
        return Response({"counts": shown, "total": sum(counts.values())})


class Recoveries(Asking):
    @extend_schema(
        tags=["recoveries"],
        operation_id="list_recoveries",
        summary="The partner's recoveries",
        parameters=paging.PARAMETERS,
        responses={
            200: OpenApiResponse(serializers.RecoveryPage, description="OK"),
            **problems(422),
        },
    )
    def page(self, request: Request) -> Response:
        asked = paging.asked(request, parts=1)
        rows = self.recoveries()
        if (last := paging.by_id(asked)) is not None:
            rows = rows.filter(id__lt=last)
        here = list(rows[: asked.limit + 1])
        shown: dict[UUID, dict[str, Any]] = serializers.shown(here)
        return Response(
            paging.page(
                request,
                asked,
                here,
                key=lambda row: [str(row.id)],
                shown=lambda row: shown[row.id],
            )
        )

    @extend_schema(
        tags=["recoveries"],
        operation_id="start_recovery",
        summary="Replay deliveries in bulk",
        description="Everything that matches and has ended by now is queued again, a "
        "piece at a time behind what is new. A missed event, and one that had no URL, "
        "goes to each URL of its subscription.",
        parameters=[idempotency.PARAMETER],
        request=serializers.NewRecovery,
        responses={
            202: OpenApiResponse(serializers.PartnerRecovery, description="Started"),
            **problems(400, 409, 413, 415, 422),
        },
    )
    def start(self, request: Request) -> Response:
        asked = serializers.NewRecovery(data=self.json_object())
        asked.is_valid(raise_exception=True)
        filter = self.filter(asked.validated_data)

        def start() -> Response:
            row = recoveries.start(
                by=self.caller.actor,
                partner=self.partner,
                filter=filter,
                now=timezone.now(),
                rerender=asked.validated_data["rerender"],
            )
            response = Response(self.shown(row), status=202)
            response["Location"] = f"{request.path}/{row.id}"
            return response

        return idempotency.once(request, self.partner, start)


class RecoveryDetail(Asking):
    @extend_schema(
        tags=["recoveries"],
        operation_id="get_recovery",
        summary="How far a recovery has come",
        parameters=[_ID],
        responses={
            200: OpenApiResponse(serializers.PartnerRecovery, description="OK"),
            **problems(404),
        },
    )
    def retrieve(self, request: Request, id: str) -> Response:
        return Response(self.shown(self.found(id)))


class Cancellation(Asking):
    @extend_schema(
        tags=["recoveries"],
        operation_id="cancel_recovery",
        summary="Cancel a recovery",
        description="No more of it is queued, and what waits is cancelled. A second "
        "call changes nothing.",
        parameters=[_ID],
        request=None,
        responses={
            200: OpenApiResponse(serializers.PartnerRecovery, description="Cancelled"),
            **problems(404, 409),
        },
    )
    def cancel(self, request: Request, id: str) -> Response:
        row = recoveries.cancel(
            by=self.caller.actor, recovery=self.found(id), now=timezone.now()
        )
        return Response(self.shown(row))
