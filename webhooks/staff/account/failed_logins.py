"""Failed logins: what django-axes counts, and what staff find in the audit log."""

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username

from webhooks.console.actor import staff_actor
from webhooks.console.client_address import client_ip
from webhooks.operations import logins


class Handler(AxesDatabaseHandler):
    def user_login_failed(
        self,
        sender: Any,
        credentials: dict[str, Any],
        request: Any = None,
        **kwargs: Any,
    ) -> None:
        """Also of a page that asks for the password again. While a name is locked, nothing is
        recorded."""
        was_locked = request.axes_locked_out
        super().user_login_failed(sender, credentials, request, **kwargs)
        if was_locked:
            return
        is_inside = request.user.is_authenticated
        by = staff_actor(request) if is_inside else logins.visitor(client_ip(request))
        name = get_client_username(request, credentials) or ""
        logins.failed(by=by, name=name)
        if request.axes_locked_out:
            logins.locked_out(by=by, name=name)
