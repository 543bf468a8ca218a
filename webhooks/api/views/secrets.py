"""The signing secrets of a subscription, of any dialect."""

from datetime import timedelta

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import problems
from webhooks.api.protocol import Conflict
from webhooks.api.serializers import secrets as serializers
from webhooks.api.serializers.queries import DialectQuery
from webhooks.api.views.base import KeyHolderView, PartnerView, found, takes
from webhooks.models import SigningSecret, encryption
from webhooks.operations import keys, secrets
from webhooks.rest import idempotency

ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH)


class Secrets(PartnerView):
    @takes(DialectQuery)
    @extend_schema(
        tags=["subscriptions"],
        operation_id="list_secrets",
        summary="The secrets that sign for a subscription",
        description="Shows the last characters of each.",
        parameters=[ID],
        responses={
            200: OpenApiResponse(serializers.SecretPage, description="OK"),
            **problems.documented(404),
        },
    )
    def page(self, request: Request, id: str) -> Response:
        row = self.subscription(id)
        data = [serializers.masked(s) for s in secrets.listed(row)]
        return Response({"data": data, "next": None})

    @takes(DialectQuery)
    @extend_schema(
        tags=["subscriptions"],
        operation_id="rotate_secret",
        summary="Replace the secret",
        description="Both sign during the overlap. If the dialect's header holds only one "
        "signature, the older one signs until it expires. A rotation during an overlap "
        "ends the older of the two at once. The new one is masked for a key without the "
        "scope `secrets:reveal`.",
        parameters=[ID, idempotency.PARAMETER],
        request=serializers.SecretRotation,
        responses={
            201: OpenApiResponse(serializers.PlainSecret, description="Replaced"),
            **problems.documented(400, 404, 409, 413, 415),
        },
    )
    def rotate(self, request: Request, id: str) -> Response:
        body = self.read(serializers.SecretRotation)
        overlap = timedelta(seconds=body["overlap_seconds"])
        secret = body.get("secret")
        row = self.subscription(id)

        def rotate() -> Response:
            new = secrets.rotate(
                by=self.caller.actor,
                subscription=row,
                overlap=overlap,
                secret=secret,
            )
            text = self.as_visible(new.reveal())
            return Response(serializers.plain(new, text), status=201)

        return idempotency.once(request, self.partner, rotate)


class Revelation(KeyHolderView):
    scope = keys.REVEAL

    @takes(DialectQuery)
    @extend_schema(
        tags=["subscriptions"],
        operation_id="reveal_secret",
        summary="Show a secret",
        description="For keys with the scope `secrets:reveal`. The audit log records it.",
        parameters=[
            ID,
            OpenApiParameter("secret_id", OpenApiTypes.UUID, OpenApiParameter.PATH),
        ],
        request=None,
        responses={
            200: OpenApiResponse(serializers.PlainSecret, description="OK"),
            **problems.documented(404, 409),
        },
    )
    def reveal(self, request: Request, id: str, secret_id: str) -> Response:
        row = self.subscription(id)
        secret = found(SigningSecret.objects.filter(subscription=row), secret_id)
        try:
            text = secrets.reveal(by=self.caller.actor, secret=secret)
        except encryption.Undecryptable:
            raise Conflict("The secret cannot be read: a key is missing.") from None
        return Response(serializers.plain(secret, text))
