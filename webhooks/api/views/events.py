"""Publishing events, and reading them with their deliveries."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import problems
from webhooks.api.items import Items
from webhooks.api.serializers import events as serializers
from webhooks.api.views.base import PublisherView, found, takes
from webhooks.console.paging import Keyset
from webhooks.models import Delivery, Event, Partner
from webhooks.operations import event_batches, events
from webhooks.rest import idempotency, paging, view
from webhooks.rest.parsing import RefusedValue

NO_SUCH_PARTNER = "There is no such partner."
NOT_STORED = (
    "Not stored. Publish it again, with the same idempotency key if it has one."
)
FAILED = "The portal failed over this event, and did not store it."
KEY_REUSED = "This key was used for another event of the partner."

OLDEST_FIRST = Keyset("id", is_ascending=True)

_KEY_HEADER = idempotency.parameter(
    "Makes a repeat of the request do nothing. Unique per partner."
)
_REPLAYED_HEADER = OpenApiParameter(
    idempotency.REPLAYED,
    OpenApiTypes.BOOL,
    OpenApiParameter.HEADER,
    response=[202],
    description="`true` where the event had been published before.",
)


class Events(PublisherView):
    max_values = None  # data of an event may be any JSON

    @extend_schema(
        tags=["events"],
        operation_id="publish_event",
        summary="Publish an event",
        description="Writes the event and a delivery for each matching endpoint in one "
        "transaction. They are sent within moments of the answer. If there are more than "
        "200 deliveries, workers write them, and `unqueued` counts the subscriptions for "
        "which they have yet to do so.",
        parameters=[_KEY_HEADER, _REPLAYED_HEADER],
        request=serializers.NewEvent,
        responses={
            202: OpenApiResponse(serializers.PublishedEvent, description="Published"),
            **problems.documented(400, 413, 415),
        },
    )
    def publish(self, request: Request) -> Response:
        header = idempotency.from_header(request)
        new = serializers.new_event(self.json_object())
        key = _one_key(header, new.get("idempotency_key"))
        partner = Partner.objects.by_id([new["partner"]]).get(new["partner"])
        if partner is None:
            raise exceptions.ValidationError({"partner": [NO_SUCH_PARTNER]})
        try:
            published = events.publish(
                by=self.caller.actor,
                **{**new, "partner": partner, "idempotency_key": key},
            )
        except (events.InvalidEvent, events.IdempotencyConflict) as refused:
            return problems.answer(_problem_of(refused, ()))
        response = Response(serializers.published(published), status=202)
        response["Location"] = f"{request.path}/{published.event.id}"
        if not published.created:
            response[idempotency.REPLAYED] = "true"
        return response


class Batch(PublisherView):
    # A thousand events of the size that is usual.
    max_body = 8 * view.MEBIBYTE
    max_values = 1_000_000
    parser_classes = [Items]

    @extend_schema(
        tags=["events"],
        operation_id="publish_events",
        summary="Publish up to 1,000 events",
        description="Each is stored or refused by itself: what is wrong with one, or "
        "expensive for its partner, does not hold back the others. An item with status "
        "503 or 500 is not stored and may be published again. With an `Idempotency-Key` header each item that has no key of its "
        "own gets `<header>/<index>`, so that the batch can be repeated as a whole.",
        parameters=[_KEY_HEADER],
        request=serializers.Batch,
        responses={
            202: OpenApiResponse(
                serializers.BatchResults, description="A result for each item"
            ),
            **problems.documented(400, 413, 415),
        },
    )
    def publish(self, request: Request) -> Response:
        header = idempotency.from_header(request)
        results, new = _read(self.read(serializers.Items)["events"], header)
        outcomes = event_batches.publish(
            by=self.caller.actor, events=list(new.values())
        )
        for index, outcome in zip(new, outcomes, strict=True):
            results[index] = _result(outcome, index)
        refused_count = sum("problem" in result for result in results.values())
        return Response(
            {
                "accepted": len(results) - refused_count,
                "refused": refused_count,
                "results": [results[index] for index in sorted(results)],
            },
            status=202,
        )


class EventDetail(PublisherView):
    @takes(serializers.EventQuery)
    @extend_schema(
        tags=["events"],
        operation_id="get_event",
        summary="An event and its deliveries",
        parameters=[OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        responses={
            200: OpenApiResponse(serializers.EventWithDeliveries, description="OK"),
            **problems.documented(404),
        },
    )
    def retrieve(self, request: Request, id: str) -> Response:
        # With its fan-out, and before the deliveries: of what is queued meanwhile nothing
        # is missing.
        event = found(Event.objects.select_related("pending_fanout"), id)
        fanout = getattr(event, "pending_fanout", None)
        rows = Delivery.objects.filter(event=event).select_related("subscription")
        page = paging.page(
            rows,
            OLDEST_FIRST,
            limit=serializers.MOST_DELIVERIES,
            cursor=self.query.get("cursor"),
        )
        return Response(
            {
                **serializers.published_event(
                    event, unqueued=fanout.remaining if fanout else 0
                ),
                "data": event.data,
                "deliveries": [serializers.event_delivery(d) for d in page.rows],
                "next": page.next and paging.address(request, cursor=page.next),
            }
        )


def _one_key(header: str | None, body: str | None) -> str | None:
    """The key that header and body give; raises idempotency.Refused if they give two."""
    if header is not None and body is not None and header != body:
        raise idempotency.Refused(
            "Must be the same as the idempotency_key of the body."
        )
    return header if body is None else body


def _read(
    items: Sequence[Any], header: str | None
) -> tuple[dict[int, dict[str, Any]], dict[int, events.NewEvent]]:
    """The results of the items that cannot be read, and the others, by their index."""
    results: dict[int, dict[str, Any]] = {}
    read: dict[int, dict[str, Any]] = {}
    for index, item in enumerate(items):
        if isinstance(item, RefusedValue):
            results[index] = _unstorable(item)
            continue
        try:
            read[index] = serializers.new_event(item)
        except exceptions.ValidationError as error:
            results[index] = _unread(index, error.detail)
    partners = Partner.objects.by_id({item["partner"] for item in read.values()})
    new = {}
    for index, item in read.items():
        partner = partners.get(item["partner"])
        if partner is None:
            results[index] = _unread(index, {"partner": [NO_SUCH_PARTNER]})
            continue
        if header is not None:
            item.setdefault("idempotency_key", f"{header}/{index}")
        new[index] = events.NewEvent(**{**item, "partner": partner})
    return results, new


def _unread(index: int, detail: Any) -> dict[str, Any]:
    errors = problems.flattened(detail, ("events", index))
    return {"status": 422, "problem": problems.invalid(errors)}


def _unstorable(refused: RefusedValue) -> dict[str, Any]:
    return {"status": 422, "problem": problems.unstorable(refused)}


def _result(outcome: event_batches.Outcome, index: int) -> dict[str, Any]:
    if isinstance(outcome, Exception):
        problem = _problem_of(outcome, ("events", index))
        return {"status": problem["status"], "problem": problem}
    return {
        "status": 202,
        "replayed": not outcome.created,
        "event": serializers.published(outcome),
    }


def _problem_of(refused: Exception, path: tuple[str | int, ...]) -> dict[str, Any]:
    if isinstance(refused, event_batches.NotStored):
        return problems.problem(503, NOT_STORED)
    if isinstance(refused, event_batches.Failed):
        return {**problems.problem(500, FAILED), "instance": refused.occurrence}
    if isinstance(refused, events.InvalidEvent):
        where = (*path, *refused.field.split("."))
        return problems.invalid([problems.at(where, refused.message)])
    error = problems.at((*path, "idempotency_key"), KEY_REUSED)
    return problems.problem(422, KEY_REUSED, kind=problems.KEY_REUSED, errors=[error])
