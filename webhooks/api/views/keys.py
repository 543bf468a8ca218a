"""A partner's keys, for keys that manage keys.

A key sees those that may do no more than itself: with any other it could have itself
made more powerful.
"""

from datetime import timedelta

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import idempotency, paging
from webhooks.api.endpoints import KeyHolderEndpoint, problems
from webhooks.api.protocol import Conflict
from webhooks.api.scoping import known
from webhooks.api.serializers import keys as serializers
from webhooks.models import ApiKey
from webhooks.operations import keys
from webhooks.rest import endpoint

_ID = OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)


class Managing(KeyHolderEndpoint):
    scope = keys.MANAGE

    def covered(self) -> list[ApiKey]:
        """A partner has a handful, so they are sorted out here."""
        mine = self.caller.key
        rows = self.caller.access.keys()
        return [row for row in rows if mine is not None and keys.covers(mine, row)]

    def found(self, id: str) -> ApiKey:
        wanted = known(id)
        for row in self.covered():
            if row.id == wanted:
                return row
        raise endpoint.NotFound


class Keys(Managing):
    @extend_schema(
        tags=["keys"],
        operation_id="list_keys",
        summary="The partner's keys",
        description="Those that may do no more than the calling one.",
        parameters=paging.PARAMETERS,
        responses={
            200: OpenApiResponse(serializers.KeyPage, description="OK"),
            **problems(422),
        },
    )
    def page(self, request: Request) -> Response:
        asked = paging.asked(request, parts=2)
        rows = self.covered()
        if asked.after is not None:
            rows = [row for row in rows if _place(row) > asked.after]
        return Response(
            paging.page(
                request,
                asked,
                rows[: asked.limit + 1],
                key=_place,
                shown=serializers.partner_key,
            )
        )


class Rotation(Managing):
    @extend_schema(
        tags=["keys"],
        operation_id="rotate_key",
        summary="Replace a key",
        description="The new one may do the same and lasts as long. Both open while "
        "they overlap.",
        parameters=[_ID, idempotency.PARAMETER],
        request=serializers.KeyRotation,
        responses={
            201: OpenApiResponse(serializers.ReplacingKey, description="Replaced"),
            **problems(400, 404, 409, 413, 415, 422),
        },
    )
    def rotate(self, request: Request, id: str) -> Response:
        asked = serializers.KeyRotation(data=self.json_object())
        asked.is_valid(raise_exception=True)
        row = self.found(id)

        def rotate() -> Response:
            new, text = keys.rotate(
                by=self.caller.actor,
                key=row,
                now=timezone.now(),
                overlap=timedelta(seconds=asked.validated_data["overlap_seconds"]),
            )
            body = {**serializers.partner_key(new), "key": text}
            return Response(body, status=201)

        try:
            return idempotency.once(request, self.partner, rotate)
        except keys.Closed:
            raise Conflict("The key was revoked, or has expired.") from None


class Revocation(Managing):
    @extend_schema(
        tags=["keys"],
        operation_id="revoke_key",
        summary="Close a key for good",
        description="From the next request on, be it the calling key itself. A second "
        "call changes nothing.",
        parameters=[_ID],
        request=None,
        responses={
            200: OpenApiResponse(serializers.PartnerKeyEntry, description="Revoked"),
            **problems(404),
        },
    )
    def revoke(self, request: Request, id: str) -> Response:
        row = keys.revoke(by=self.caller.actor, key=self.found(id), now=timezone.now())
        return Response(serializers.partner_key(row))


def _place(row: ApiKey) -> list[str]:
    return [row.created_at.isoformat(timespec="microseconds"), str(row.id)]
