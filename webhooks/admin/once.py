"""A form of the admin that is sent twice acts once, as those of the console do.

Two have no key, because nothing comes of the second: what was deleted is not there any more,
and the same password is set again (a password also takes too long to check in a transaction).
What is refused, or finds no row, keeps no answer: else who may only look could fill the table.
"""

from functools import partial
from typing import Any

from django.contrib.admin.utils import unquote
from django.http import HttpRequest

from webhooks.console import idempotency


class ActsOnce:
    """Before unfold's ModelAdmin, whose template has a place for the form's key."""

    change_form_before_template = "console/once.html"

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        view: Any = super()
        act = partial(view.changeform_view, request, object_id, *args, **kwargs)
        if request.method != "POST" or not self._may_save(request, object_id):
            return act()  # it refuses, or says that there is no such row
        return idempotency.once(request, act)

    def _may_save(self, request: HttpRequest, object_id: str | None) -> bool:
        admin: Any = self
        if object_id is None:
            return bool(admin.has_add_permission(request))
        row = admin.get_object(request, unquote(object_id))
        return row is not None and bool(admin.has_change_permission(request, row))
