"""The paths of BLAZE's Partner API. They are case-sensitive: `webHooks`."""

from django.urls import path

from webhooks.rest.routing import with_slash

from .views import Unrouted, WebHook, WebHooks

__all__ = ["PREFIX", "Unrouted", "aliases", "documented"]

PREFIX = "api/v1/partner"
WEB_HOOKS = f"{PREFIX}/webHooks"

many = WebHooks.as_view({"get": "search", "post": "create"})
one = WebHook.as_view({"get": "retrieve", "put": "update", "delete": "destroy"})

documented = [
    path(WEB_HOOKS, many),
    path(f"{WEB_HOOKS}/<str:webHookId>", one),
]

# The heading of its page (2026-11-21) joins base and path twice; clients that were
# written by copying it are served, and nobody else is told.
doubled = [
    path(f"{WEB_HOOKS}/{pattern.pattern}", pattern.callback) for pattern in documented
]

aliases = [*doubled, *with_slash([*documented, *doubled])]
