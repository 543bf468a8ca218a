"""Where Topiic's API is. ASP.NET matches a path in any case, with or without last slash."""

import re

from django.urls import path

from webhooks.dialects.base import everything_under, matching

from .views import Unrouted, Webhook

PREFIX = "api/ApiKeys"

update = Webhook.as_view({"put": "update"})

documented = [path(f"{PREFIX}/<str:id>/webhook", update)]

urlpatterns = [
    *documented,
    matching(r"^api/ApiKeys/(?P<id>[^/]+)/webhook/?$", update, re.IGNORECASE),
    everything_under(PREFIX, Unrouted, flags="i"),
]
