"""A partner's keys, for keys that manage keys.

A key sees the keys that may do no more than itself. Otherwise it could rotate a more
powerful key and use it.
"""

from datetime import timedelta

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import problems
from webhooks.api.serializers import keys as serializers
from webhooks.api.serializers.queries import PageQuery
from webhooks.api.views.base import KeyHolderView, found, takes
from webhooks.console.paging import Keyset
from webhooks.models import ApiKey
from webhooks.operations import keys
from webhooks.rest import idempotency

OLDEST_FIRST = Keyset("created_at", "id", is_ascending=True)

_ID = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)


class KeyManagementView(KeyHolderView):
    scope = keys.MANAGE

    def covered(self) -> QuerySet[ApiKey]:
        mine, rows = self.caller.key, self.access.keys()
        return rows.covered_by(mine) if mine is not None else rows.none()


class Keys(KeyManagementView):
    @takes(PageQuery)
    @extend_schema(
        tags=["keys"],
        operation_id="list_keys",
        summary="The partner's keys",
        description="Those that may do no more than the calling one.",
        responses={
            200: OpenApiResponse(serializers.KeyPage, description="OK"),
            **problems.documented(),
        },
    )
    def page(self, request: Request) -> Response:
        page = self.page_of(self.covered(), OLDEST_FIRST)
        data = [serializers.partner_key(row) for row in page.rows]
        return Response({"data": data, "next": page.next})


class Rotation(KeyManagementView):
    @extend_schema(
        tags=["keys"],
        operation_id="rotate_key",
        summary="Replace a key",
        description="The new one has the same scopes and lifetime. Both work during the "
        "overlap. If the key was replaced before, the key in its place is replaced.",
        parameters=[_ID, idempotency.PARAMETER],
        request=serializers.KeyRotation,
        responses={
            201: OpenApiResponse(serializers.ReplacingKey, description="Replaced"),
            **problems.documented(400, 404, 409, 413, 415),
        },
    )
    def rotate(self, request: Request, id: str) -> Response:
        body = self.read(serializers.KeyRotation)
        row = found(self.covered(), id)

        def rotate() -> Response:
            new, text = keys.rotate(
                by=self.caller.actor,
                key=row,
                overlap=timedelta(seconds=body["overlap_seconds"]),
            )
            return Response({**serializers.partner_key(new), "key": text}, status=201)

        return idempotency.once(request, self.partner, rotate)


class Revocation(KeyManagementView):
    @extend_schema(
        tags=["keys"],
        operation_id="revoke_key",
        summary="Revoke a key",
        description="Holds from the next request, also for the calling key itself. The "
        "keys that rotations have made of it are revoked with it, unless `descendants` is "
        "false: whoever had the key may have made them. A second call changes nothing.",
        parameters=[_ID],
        request=serializers.KeyRevocation,
        responses={
            200: OpenApiResponse(serializers.RevokedKey, description="Revoked"),
            **problems.documented(400, 404, 413, 415),
        },
    )
    def revoke(self, request: Request, id: str) -> Response:
        body = self.read(serializers.KeyRevocation)
        row = found(self.covered(), id)
        revoked = keys.revoke(
            by=self.caller.actor, key=row, with_descendants=body["descendants"]
        )
        row.refresh_from_db()
        others = [str(each.id) for each in revoked if each.pk != row.pk]
        return Response({**serializers.partner_key(row), "also_revoked": others})
