"""The way in: a code after the password, and what stands there after too many tries."""

from datetime import timedelta
from typing import Any

import django_otp
from axes.helpers import get_client_username, get_cool_off
from axes.models import AccessAttempt
from django.contrib import admin, messages
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from webhooks.console.actor import staff_actor
from webhooks.console.login_redirect import onward
from webhooks.console.login_step import Owed, owed
from webhooks.operations import secondfactor
from webhooks.staff.pages import OwnPage

from .forms import Code

FEW = 3
"""Recovery codes that are so few that new ones should be made."""


class EnterCode(OwnPage):
    """Asks for the second factor of who has given the password."""

    template = "staff/account/enter_code.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        if owed(request) is not Owed.CODE:
            return redirect(onward(request))
        return self._asked(Code())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = Code(request.POST)
        if owed(request) is not Owed.CODE:
            return redirect(onward(request))
        if not form.is_valid():
            return self._asked(form, status=422)
        try:
            device = secondfactor.check(
                by=staff_actor(request),
                user=self.owner,
                code=form.cleaned_data["code"],
                now=timezone.now(),
            )
        except secondfactor.NotSetUp:  # taken away a moment ago
            return redirect(onward(request))
        except (secondfactor.WrongCode, secondfactor.TooManyTries) as error:
            return self._asked(form, status=form.refuse(error))
        let_in(request, device)
        left = secondfactor.unused(device)
        if left <= FEW:
            messages.warning(
                request,
                f"You have {left} recovery codes left. Make new ones on this page.",
            )
            return redirect("staff:account")
        return redirect(onward(request))

    def _asked(self, form: Code, status: int = 200) -> HttpResponse:
        return self.page("One more step", form=form, status=status)


def let_in(request: HttpRequest, device: Any) -> None:
    """From now on this session has shown both, under an id that only it knows."""
    django_otp.login(request, device)
    request.session.cycle_key()


def locked_out(
    request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None
) -> HttpResponse:
    """What is answered while a name is locked for an address, with the time it ends."""
    pause = get_cool_off(request) or timedelta()
    failed = AccessAttempt.objects.filter(
        username=get_client_username(request, credentials),
        ip_address=request.axes_ip_address,  # type: ignore[attr-defined]
    )
    now = timezone.now()
    latest = failed.aggregate(latest=Max("attempt_time"))["latest"] or now
    answer = render(
        request,
        "staff/account/locked_out.html",
        {
            **admin.site.each_context(request),
            "title": "Too many failed log-ins",
            "until": latest + pause,
            "pause": pause,
            "now": now,
        },
        status=429,
    )
    answer["Retry-After"] = str(max(1, int((latest + pause - now).total_seconds())))
    return answer
