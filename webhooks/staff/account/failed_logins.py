"""Failed logins: what django-axes counts, what staff find in the audit log, and the page while
somebody is locked out.

They are counted by name and address together, so that nobody locks another person out, and by
the address alone, for one that tries a password on many names. An office may share an
address, so the second limit is far higher.
"""

from datetime import timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username, get_cool_off
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from webhooks.console.actor import staff_actor
from webhooks.console.client_address import client_ip
from webhooks.operations import logins


class Handler(AxesDatabaseHandler):
    """Axes has one limit for all that it counts by; this one knows that of an address, too."""

    def get_failures(
        self, request: HttpRequest, credentials: dict[str, Any] | None = None
    ) -> int:
        failures: int = super().get_failures(request, credentials)
        limit: int = settings.AXES_FAILURE_LIMIT
        return max(failures, limit) if _is_over(request) else failures

    def user_login_failed(
        self,
        sender: Any,
        credentials: dict[str, Any],
        request: Any = None,
        **kwargs: Any,
    ) -> None:
        """Also of a page that asks for the password again. While somebody is locked out, nothing
        is recorded."""
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


def locked_out(
    request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None
) -> HttpResponse:
    """The answer while a name is locked for an address, or the address for all names, with the
    time it ends."""
    of_address = _is_over(request)
    failed = _failed_from(request)
    if not of_address:
        failed = failed.filter(username=get_client_username(request, credentials))
    now, pause = timezone.now(), _pause(request)
    latest = failed.aggregate(latest=Max("attempt_time"))["latest"] or now
    context = {
        **admin.site.each_context(request),
        "title": "Too many failed logins",
        "of_address": of_address,
        "until": latest + pause,
        "pause": pause,
        "now": now,
    }
    answer = render(request, "staff/account/locked_out.html", context, status=429)
    answer["Retry-After"] = str(max(1, int((latest + pause - now).total_seconds())))
    return answer


def _is_over(request: Any) -> bool:
    """Whether the address has failed too often, whatever the names."""
    limit: int = settings.LOGIN_FAILURES_PER_ADDRESS
    if not limit or request.axes_ip_address is None:
        return False
    failed = _failed_from(request).aggregate(total=Sum("failures_since_start"))
    return (failed["total"] or 0) >= limit


def _failed_from(request: Any) -> QuerySet[AccessAttempt]:
    since = timezone.now() - _pause(request)
    return AccessAttempt.objects.filter(
        ip_address=request.axes_ip_address, attempt_time__gte=since
    )


def _pause(request: HttpRequest) -> timedelta:
    return get_cool_off(request) or timedelta()
