"""The paths of Partnero's API. Laravel takes a last slash or none and does not redirect."""

from django.urls import path

from webhooks.rest.routing import with_slash

from .views import Test, Unrouted, Webhook, Webhooks

__all__ = ["PREFIX", "Unrouted", "aliases", "documented"]

PREFIX = "v1"

documented = [
    path(f"{PREFIX}/webhooks", Webhooks.as_view({"get": "index", "post": "create"})),
    path(
        f"{PREFIX}/webhooks/<str:key>",
        Webhook.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path(f"{PREFIX}/test", Test.as_view({"get": "retrieve"})),
]

aliases = with_slash(documented)
