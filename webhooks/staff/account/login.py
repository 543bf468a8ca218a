"""The login: a code after the password, and the page after too many tries."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import django_otp
from axes.helpers import get_client_username, get_cool_off
from axes.models import AccessAttempt
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from webhooks.console.actor import staff_actor
from webhooks.console.sessions import LoginStep, pending_step, redirect_target
from webhooks.operations import logins, secondfactor
from webhooks.staff.pages import FormPage, Page

from .forms import CodeForm

FEW = 3
"""Recovery codes that are so few that new ones should be made."""


class OwnPage(Page):
    """Open to every member of staff: it shows and changes nobody else's account."""

    permission = ""

    def answered(self, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """In no transaction: a wrong code counts, and a password takes long to check. A
        code works once by itself."""
        return answer()

    @property
    def owner(self) -> User:
        return cast(User, self.request.user)


class EnterCode(OwnPage, FormPage):
    """The second step of a login: the code, after the password."""

    template = "staff/account/enter_code.html"
    form_class = CodeForm
    title = "One more step"

    def obstacle(self) -> HttpResponse | None:
        if pending_step(self.request) is LoginStep.CODE:
            return None
        return redirect(redirect_target(self.request))

    def form_valid(self, form: CodeForm) -> HttpResponse:
        try:
            device = secondfactor.check(
                by=staff_actor(self.request),
                user=self.owner,
                code=form.cleaned_data["code"],
            )
        except secondfactor.NotSetUp:  # taken away a moment ago
            return redirect(redirect_target(self.request))
        except (secondfactor.WrongCode, secondfactor.TooManyTries) as error:
            return self.show(form, form.refuse(error))
        complete_login(self.request, device)
        logins.succeeded(by=staff_actor(self.request))
        left = secondfactor.unused(device)
        if left <= FEW:
            text = f"You have {left} recovery codes left. Make new ones on this page."
            messages.warning(self.request, text)
            return redirect("staff:account")
        return redirect(redirect_target(self.request))


def complete_login(request: HttpRequest, device: Any) -> None:
    """Mark this session as complete, and give it a new id."""
    django_otp.login(request, device)
    request.session.cycle_key()


def locked_out(
    request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None
) -> HttpResponse:
    """The answer while a name is locked for an address, with the time it ends."""
    pause = get_cool_off(request) or timedelta()
    failed = AccessAttempt.objects.filter(
        username=get_client_username(request, credentials),
        ip_address=request.axes_ip_address,  # type: ignore[attr-defined]
    )
    now = timezone.now()
    latest = failed.aggregate(latest=Max("attempt_time"))["latest"] or now
    context = {
        **admin.site.each_context(request),
        "title": "Too many failed logins",
        "until": latest + pause,
        "pause": pause,
        "now": now,
    }
    answer = render(request, "staff/account/locked_out.html", context, status=429)
    answer["Retry-After"] = str(max(1, int((latest + pause - now).total_seconds())))
    return answer
