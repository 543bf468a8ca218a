"""Where Partnero's API is. Laravel takes a last slash or none and does not redirect."""

from django.urls import path

from webhooks.dialects.base import everything_under, with_slash

from .views import Test, Unrouted, Webhook, Webhooks

PREFIX = "v1"

documented = [
    path(f"{PREFIX}/webhooks", Webhooks.as_view({"get": "index", "post": "create"})),
    path(
        f"{PREFIX}/webhooks/<str:key>",
        Webhook.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path(f"{PREFIX}/test", Test.as_view({"get": "retrieve"})),
]

urlpatterns = [
    *documented,
    *with_slash(documented),
    everything_under(PREFIX, Unrouted),
]
