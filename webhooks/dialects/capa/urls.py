"""Where Capa's API is. NestJS takes a last slash or none and does not redirect."""

from django.urls import path

from webhooks.dialects.base import everything_under, with_slash

from .views import Unrouted, WebhookSettings, WebhookSettings2

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

urlpatterns = [
    *documented,
    *version_2,
    *with_slash([*documented, *version_2]),
    everything_under(PREFIX, Unrouted),
]
