"""The paths of Capa's API. NestJS takes a path in any case, with or without last slash."""

from django.urls import path

from webhooks.rest.routing import in_any_case

from .views import Unrouted, WebhookSettings, WebhookSettings2

__all__ = ["PREFIX", "Unrouted", "aliases", "documented"]

PREFIX = "api/partner"

documented = [
    path(f"{PREFIX}/v1/webhook-settings", WebhookSettings.as_view({"put": "update"})),
]

# The same operation in the envelope of version 2, which is all that the vendor's own
# client library speaks.
version_2 = [
    path(
        f"{PREFIX}/v2/webhook-settings",
        WebhookSettings2.as_view({"put": "update"}),
    ),
]

aliases = [*version_2, *in_any_case([*documented, *version_2])]
