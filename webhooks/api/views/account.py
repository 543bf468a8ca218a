"""Who the caller is, and what it may subscribe to."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import paging
from webhooks.api.endpoints import PartnerEndpoint, problems
from webhooks.api.serializers import account
from webhooks.models import EventType


class Me(PartnerEndpoint):
    @extend_schema(
        tags=["account"],
        operation_id="get_me",
        summary="The calling partner and its key",
        description="The first thing to call with a new key.",
        responses={200: OpenApiResponse(account.Me, description="OK"), **problems()},
    )
    def retrieve(self, request: Request) -> Response:
        return Response(account.me(self.caller))


class EventTypes(PartnerEndpoint):
    @extend_schema(
        tags=["account"],
        operation_id="list_event_types",
        summary="The types of events",
        description="Those of the catalogue; others may be published, too.",
        parameters=paging.PARAMETERS,
        responses={
            200: OpenApiResponse(account.EventTypePage, description="OK"),
            **problems(422),
        },
    )
    def page(self, request: Request) -> Response:
        asked = paging.asked(request, parts=1)
        rows = EventType.objects.order_by("name")
        if asked.after is not None:
            rows = rows.filter(name__gt=asked.after[0])
        return Response(
            paging.page(
                request,
                asked,
                list(rows[: asked.limit + 1]),
                key=lambda row: [row.name],
                shown=account.event_type,
            )
        )
