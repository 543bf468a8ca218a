"""Where Nursa's API is. NestJS takes a last slash or none and does not redirect."""

from django.urls import path

from webhooks.dialects.base import everything_under, with_slash

from .views import Logs, Unrouted, UserWebhook, UserWebhooks

PREFIX = "api/v2/public"

documented = [
    path(
        f"{PREFIX}/webhooks/user",
        UserWebhooks.as_view({"get": "list", "post": "create"}),
    ),
    path(
        f"{PREFIX}/webhooks/user/<str:webhookId>",
        UserWebhook.as_view({"patch": "update", "delete": "destroy"}),
    ),
    path(f"{PREFIX}/webhooks/logs", Logs.as_view({"get": "list"})),
]

urlpatterns = [
    *documented,
    *with_slash(documented),
    everything_under(PREFIX, Unrouted),
]
