"""The login: a code after the password."""

from collections.abc import Callable
from typing import Any, cast

import django_otp
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from webhooks.console import sessions
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

    @property
    def own_session(self) -> str | None:
        """The id of the session of this request."""
        session = sessions.of(self.request)
        return str(session.pk) if session else None


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
        left = secondfactor.codes_left(device)
        if left.until is not None:
            text = f"Your recovery codes are good until {left.until:%Y-%m-%d}. "
        elif left.count <= FEW:
            text = f"You have {left.count} recovery codes left. "
        else:
            return redirect(redirect_target(self.request))
        messages.warning(self.request, f"{text}Make new ones on this page.")
        return redirect("staff:account")


def complete_login(request: HttpRequest, device: Any) -> None:
    """Mark this session as complete, and give it a new id."""
    django_otp.login(request, device)
    request.session.cycle_key()
