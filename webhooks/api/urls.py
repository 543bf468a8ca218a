"""The paths of the API: `/api/portal/v1/`, without a last slash anywhere."""

from django.urls import URLPattern, path

from .views import (
    account,
    deliveries,
    events,
    keys,
    recoveries,
    secrets,
    subscriptions,
)
from .views.base import Unrouted

__all__ = ["PREFIX", "Unrouted", "aliases", "documented"]

PREFIX = "api/portal/v1"
ONE = f"{PREFIX}/subscriptions/<str:id>"

many = subscriptions.Subscriptions.as_view({"get": "page", "post": "create"})
one = subscriptions.SubscriptionDetail.as_view(
    {"get": "retrieve", "patch": "change", "delete": "delete"}
)
secret = secrets.Secrets.as_view({"get": "page", "post": "rotate"})
many_recoveries = recoveries.Recoveries.as_view({"get": "page", "post": "start"})

documented = [
    path(f"{PREFIX}/events", events.Events.as_view({"post": "publish"})),
    path(f"{PREFIX}/events/batch", events.Batch.as_view({"post": "publish"})),
    path(f"{PREFIX}/events/<str:id>", events.EventDetail.as_view({"get": "retrieve"})),
    path(f"{PREFIX}/me", account.Me.as_view({"get": "retrieve"})),
    path(f"{PREFIX}/event-types", account.EventTypes.as_view({"get": "page"})),
    path(f"{PREFIX}/subscriptions", many),
    path(ONE, one),
    path(f"{ONE}/secrets", secret),
    path(
        f"{ONE}/secrets/<str:secret_id>/reveal",
        secrets.Revelation.as_view({"post": "reveal"}),
    ),
    path(f"{ONE}/test", deliveries.Test.as_view({"post": "send"})),
    path(f"{PREFIX}/deliveries", deliveries.Deliveries.as_view({"get": "page"})),
    path(
        f"{PREFIX}/deliveries/<str:id>",
        deliveries.DeliveryDetail.as_view({"get": "retrieve"}),
    ),
    path(
        f"{PREFIX}/deliveries/<str:id>/redeliver",
        deliveries.Redelivery.as_view({"post": "redeliver"}),
    ),
    path(f"{PREFIX}/recoveries", many_recoveries),
    path(f"{PREFIX}/recoveries/preview", recoveries.Preview.as_view({"post": "count"})),
    path(
        f"{PREFIX}/recoveries/<str:id>",
        recoveries.RecoveryDetail.as_view({"get": "retrieve"}),
    ),
    path(
        f"{PREFIX}/recoveries/<str:id>/cancel",
        recoveries.Cancellation.as_view({"post": "cancel"}),
    ),
    path(f"{PREFIX}/keys", keys.Keys.as_view({"get": "page"})),
    path(f"{PREFIX}/keys/<str:id>/rotate", keys.Rotation.as_view({"post": "rotate"})),
    path(f"{PREFIX}/keys/<str:id>/revoke", keys.Revocation.as_view({"post": "revoke"})),
]

aliases: list[URLPattern] = []
