"""The paths of Topiic's API. ASP.NET takes a path in any case, with or without last slash."""

from django.urls import path

from webhooks.rest.routing import in_any_case

from .views import Unrouted, Webhook

__all__ = ["PREFIX", "Unrouted", "aliases", "documented"]

PREFIX = "api/ApiKeys"

documented = [path(f"{PREFIX}/<str:id>/webhook", Webhook.as_view({"put": "update"}))]
aliases = in_any_case(documented)
