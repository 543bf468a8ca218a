"""One's own account, and the second factor with all that is done to it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from webhooks.console.actor import staff_actor
from webhooks.console.login_redirect import onward
from webhooks.console.login_step import Owed, owed
from webhooks.operations import secondfactor
from webhooks.staff.pages import Crumb, OwnPage

from . import enrolment
from .forms import Code, FirstCode, Password, PasswordAndCode
from .login import let_in


def above() -> tuple[Crumb, ...]:
    return (Crumb("Your account", reverse("staff:account")),)


class FactorPage(OwnPage):
    """A page of the second factor, with what all of them do with a code."""

    def answered(
        self, form: Code | PasswordAndCode, act: Callable[..., Any]
    ) -> tuple[Any, int]:
        """What `act` returned for the code of a valid form; else the status that says why not."""
        if not form.is_valid():
            return None, 422
        try:
            done = act(
                by=staff_actor(self.request),
                user=self.owner,
                code=form.cleaned_data["code"],
                now=timezone.now(),
            )
        except (secondfactor.WrongCode, secondfactor.TooManyTries) as error:
            return None, form.refuse(error)
        return done, 200

    def codes_shown(self, title: str, codes: list[str], onward: str) -> HttpResponse:
        return self.page(
            title,
            under=above(),
            template="staff/account/recovery_codes.html",
            codes=codes,
            onward=onward,
        )


class Account(OwnPage):
    template = "staff/account/account.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        factor = secondfactor.of(self.owner)
        return self.page(
            "Your account",
            factor=factor,
            codes_left=secondfactor.unused(factor) if factor else 0,
            roles=self.owner.groups.order_by("name"),
        )


class SecondFactor(OwnPage):
    """What it is and, by POST with the password, its beginning."""

    template = "staff/account/second_factor.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        if secondfactor.of(self.owner) is not None:
            return redirect("staff:account")
        return self._asked(Password(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = Password(request, request.POST)
        if not form.is_valid():
            return self._asked(form, status=422)
        try:
            secondfactor.begin(user=self.owner, now=timezone.now())
        except secondfactor.AlreadySetUp:
            return redirect("staff:account")
        query = request.META.get("QUERY_STRING", "")
        return redirect(
            reverse("staff:confirm-second-factor") + (f"?{query}" if query else "")
        )

    def _asked(self, form: Password, status: int = 200) -> HttpResponse:
        is_duty = owed(self.request) is Owed.ENROLMENT
        return self.page(
            "Set up a second factor",
            under=() if is_duty else above(),
            form=form,
            status=status,
            is_duty=is_duty,
        )


class Confirm(FactorPage):
    """The key to scan, and the code that shows that it was."""

    template = "staff/account/confirm_second_factor.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._asked(FirstCode())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = FirstCode(request.POST)
        try:
            codes, status = self.answered(form, secondfactor.confirm)
        except secondfactor.NotSetUp:
            return redirect("staff:second-factor")
        if codes is None:
            return self._asked(form, status=status)
        let_in(request, secondfactor.of(self.owner))
        messages.success(
            request,
            "It is set up: from now on you are asked for a code at every log-in.",
        )
        return self.codes_shown("Keep these codes", codes, onward(request))

    def _asked(self, form: FirstCode, status: int = 200) -> HttpResponse:
        waiting = secondfactor.waiting(self.owner)
        if waiting is None:
            return redirect("staff:second-factor")
        key = waiting.reveal()
        link = enrolment.link(
            key, user=self.owner.get_username(), host=self.request.get_host()
        )
        return self.page(
            "Set up a second factor",
            under=above(),
            form=form,
            status=status,
            key=enrolment.grouped(key),
            link=link,
            picture=enrolment.picture(link),
        )


class Codes(FactorPage):
    template = "staff/account/renew_codes.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._asked(Code())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = Code(request.POST)
        try:
            codes, status = self.answered(form, secondfactor.renew_codes)
        except secondfactor.NotSetUp:
            return redirect("staff:account")
        if codes is None:
            return self._asked(form, status=status)
        return self.codes_shown("Keep these codes", codes, reverse("staff:account"))

    def _asked(self, form: Code, status: int = 200) -> HttpResponse:
        if secondfactor.of(self.owner) is None:
            return redirect("staff:second-factor")
        return self.page(
            "Make new recovery codes?",
            under=above(),
            form=form,
            status=status,
            act="Make new codes",
            back=reverse("staff:account"),
            dangerous=False,
        )


class Remove(FactorPage):
    template = "staff/account/remove_second_factor.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._asked(PasswordAndCode(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = PasswordAndCode(request, request.POST)
        try:
            _, status = self.answered(form, secondfactor.remove)
        except secondfactor.NotSetUp:
            return redirect("staff:account")
        if status != 200:
            return self._asked(form, status=status)
        messages.success(
            request,
            "It is removed. Your password alone opens your account from now on.",
        )
        return redirect("staff:account")

    def _asked(self, form: PasswordAndCode, status: int = 200) -> HttpResponse:
        if secondfactor.of(self.owner) is None:
            return redirect("staff:account")
        return self.page(
            "Remove the second factor?",
            under=above(),
            form=form,
            status=status,
            act="Remove it",
            back=reverse("staff:account"),
            dangerous=True,
        )
