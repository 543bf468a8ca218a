"""The paths of Nursa's API. NestJS takes a path in any case, with or without last slash."""

from django.urls import path

from webhooks.rest.routing import in_any_case

from .views import Logs, Unrouted, UserWebhook, UserWebhooks

__all__ = ["PREFIX", "Unrouted", "aliases", "documented"]

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

aliases = in_any_case(documented)
