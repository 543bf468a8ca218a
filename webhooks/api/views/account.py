"""The calling partner, and the event types it may subscribe to."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import problems
from webhooks.api.serializers import account
from webhooks.api.serializers.queries import PageQuery
from webhooks.api.views.base import PartnerView, takes
from webhooks.console.paging import Keyset
from webhooks.models import EventType

BY_NAME = Keyset("name", is_ascending=True)


class Me(PartnerView):
    @extend_schema(
        tags=["account"],
        operation_id="get_me",
        summary="The calling partner and its key",
        description="The first thing to call with a new key.",
        responses={
            200: OpenApiResponse(account.Me, description="OK"),
            **problems.documented(),
        },
    )
    def retrieve(self, request: Request) -> Response:
        return Response(account.me(self.caller))


class EventTypes(PartnerView):
    @takes(PageQuery)
    @extend_schema(
        tags=["account"],
        operation_id="list_event_types",
        summary="The types of events",
        description="Those of the catalogue; others may be published, too.",
        responses={
            200: OpenApiResponse(account.EventTypePage, description="OK"),
            **problems.documented(),
        },
    )
    def page(self, request: Request) -> Response:
        page = self.page_of(EventType.objects.all(), BY_NAME)
        rows = [account.event_type(row) for row in page.rows]
        return Response({"data": rows, "next": page.next})
