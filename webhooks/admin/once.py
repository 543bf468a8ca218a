"""A form of the admin that is sent twice acts once, as those of the console do."""

from functools import partial
from typing import Any

from django.http import HttpRequest

from webhooks.console import idempotency


class ActsOnce:
    """Before unfold's ModelAdmin, whose template has a place for the form's key."""

    change_form_before_template = "console/once.html"

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view: Any = super()
        act = partial(view.changeform_view, request, *args, **kwargs)
        return idempotency.once(request, act)
