"""The secrets that sign for a subscription, of whatever dialect."""

from datetime import timedelta

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import idempotency
from webhooks.api.endpoints import KeyHolderEndpoint, problems
from webhooks.api.protocol import Conflict
from webhooks.api.scoping import DIALECT, Scoped, known
from webhooks.api.serializers import secrets as serializers
from webhooks.models import SigningSecret, encryption
from webhooks.operations import keys, secrets
from webhooks.rest import endpoint

ID = OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH)
DIALECT_PARAMETER = OpenApiParameter(
    "dialect",
    OpenApiTypes.STR,
    description="The dialect that shows the subscription under this id; "
    f"`{DIALECT}` if absent.",
)


class Secrets(Scoped):
    @extend_schema(
        tags=["subscriptions"],
        operation_id="list_secrets",
        summary="The secrets that sign for a subscription",
        description="By their last characters.",
        parameters=[ID, DIALECT_PARAMETER],
        responses={
            200: OpenApiResponse(serializers.SecretPage, description="OK"),
            **problems(404),
        },
    )
    def page(self, request: Request, id: str) -> Response:
        row = self.subscription(request, id)
        found = secrets.listed(row, now=timezone.now())
        return Response({"data": [serializers.masked(s) for s in found], "next": None})

    @extend_schema(
        tags=["subscriptions"],
        operation_id="rotate_secret",
        summary="Replace the secret",
        description="Both sign while they overlap. Where the dialect's header has room "
        "for one signature the older signs until it ends. A rotation during an overlap "
        "ends the older of the two at once.",
        parameters=[ID, DIALECT_PARAMETER, idempotency.PARAMETER],
        request=serializers.SecretRotation,
        responses={
            201: OpenApiResponse(serializers.PlainSecret, description="Replaced"),
            **problems(400, 404, 409, 413, 415, 422),
        },
    )
    def rotate(self, request: Request, id: str) -> Response:
        asked = serializers.SecretRotation(data=self.json_object())
        asked.is_valid(raise_exception=True)
        overlap = timedelta(seconds=asked.validated_data["overlap_seconds"])
        secret = asked.validated_data.get("secret")
        row = self.subscription(request, id)

        def rotate() -> Response:
            new = secrets.rotate(
                by=self.caller.actor,
                subscription=row,
                now=timezone.now(),
                overlap=overlap,
                secret=secret,
            )
            return Response(serializers.plain(new, new.reveal()), status=201)

        try:
            return idempotency.once(request, self.partner, rotate)
        except secrets.NotSigned:
            raise Conflict("Deliveries of this subscription are not signed.") from None
        except secrets.UnusableSecret:
            message = "Is not of the form that the subscription's profile takes."
            raise exceptions.ValidationError({"secret": [message]}) from None


class Revelation(KeyHolderEndpoint, Scoped):
    scope = keys.REVEAL

    @extend_schema(
        tags=["subscriptions"],
        operation_id="reveal_secret",
        summary="Show a secret",
        description="For keys that may (`secrets:reveal`). That it was shown is recorded.",
        parameters=[
            ID,
            OpenApiParameter("secret_id", OpenApiTypes.UUID, OpenApiParameter.PATH),
            DIALECT_PARAMETER,
        ],
        request=None,
        responses={
            200: OpenApiResponse(serializers.PlainSecret, description="OK"),
            **problems(404, 409),
        },
    )
    def reveal(self, request: Request, id: str, secret_id: str) -> Response:
        row = self.subscription(request, id)
        found = SigningSecret.objects.filter(subscription=row, id=known(secret_id))
        secret = found.first()
        if secret is None:
            raise endpoint.NotFound
        try:
            text = secrets.reveal(
                by=self.caller.actor, secret=secret, now=timezone.now()
            )
        except secrets.Gone:
            raise endpoint.NotFound from None
        except encryption.Undecryptable:
            raise Conflict("The secret cannot be read: a key is missing.") from None
        return Response(serializers.plain(secret, text))
