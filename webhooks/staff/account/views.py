"""One's own account: its password, and its second factor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import segno
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property

from webhooks.console.actor import staff_actor
from webhooks.console.sessions import (
    LoginStep,
    pending_step,
    redirect_target,
    second_factor,
)
from webhooks.operations import people, secondfactor, sessions
from webhooks.staff.pages import Crumb, FormPage

from .forms import (
    CodeForm,
    FirstCodeForm,
    NewPasswordForm,
    PasswordAndCodeForm,
    PasswordForm,
)
from .login import OwnPage, complete_login

ISSUER = "Webhook Portal"
"""The name under which an authenticator app lists the account."""


class Account(OwnPage):
    title = "Your account"
    template = "staff/account/account.html"

    def context(self) -> dict[str, Any]:
        factor = second_factor(self.owner)
        return {
            "factor": factor,
            "codes": factor and secondfactor.codes_left(factor),
            "roles": self.owner.groups.order_by("name"),
            "sessions": sessions.live(self.owner),
            "own_session": self.own_session,
        }


class AccountForm(OwnPage, FormPage):
    section = ("Your account", "account")

    def above(self) -> Sequence[Crumb]:
        """Nothing while a step of the login is pending: the account does not open yet."""
        return () if pending_step(self.request) else super().above()


class PasswordPage(AccountForm):
    """A form that asks for the present password."""

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"request": self.request}


class ChangePassword(PasswordPage):
    lead = "Every other browser is logged out and asks for the new password."
    required_lead = (
        "Somebody else has set your password, and knows it. Choose one of your own before you "
        "go on."
    )
    form_class = NewPasswordForm
    title = "Change your password"
    act = "Change it"

    def form_valid(self, form: NewPasswordForm) -> HttpResponse:
        target = (
            redirect_target(self.request) if self._is_required() else "staff:account"
        )
        people.change_password(
            by=staff_actor(self.request),
            user=self.owner,
            password=form.cleaned_data["new"],
            session=self.own_session,
        )
        update_session_auth_hash(self.request, self.owner)
        messages.success(
            self.request,
            "Your password is changed. Everywhere else you are logged out.",
        )
        # At the first login it leads on, by way of a second factor where there must be one.
        return redirect(target)

    def context(self) -> dict[str, Any]:
        return {"lead": self.required_lead} if self._is_required() else {}

    def _is_required(self) -> bool:
        return pending_step(self.request) is LoginStep.PASSWORD


class SecondFactor(PasswordPage):
    """Explains the second factor; POST with the password begins to set it up."""

    template = "staff/account/second_factor.html"
    form_class = PasswordForm
    title = "Set up a second factor"
    act = "Continue"

    def obstacle(self) -> HttpResponse | None:
        is_set_up = second_factor(self.owner) is not None
        return redirect("staff:account") if is_set_up else None

    def context(self) -> dict[str, Any]:
        return {"is_required": self._is_required()}

    def form_valid(self, form: PasswordForm) -> HttpResponse:
        try:
            secondfactor.begin(user=self.owner)
        except secondfactor.AlreadySetUp:
            return redirect("staff:account")
        return redirect(
            reverse("staff:confirm-second-factor", query=self.request.GET or None)
        )

    def _is_required(self) -> bool:
        return pending_step(self.request) is LoginStep.ENROLMENT


class CodePage(AccountForm):
    """A form with a code of the second factor, which `with_code` uses."""

    form_class: type[CodeForm | PasswordAndCodeForm] = CodeForm
    # Where to go when the second factor was removed a moment ago.
    not_set_up = "staff:account"

    def with_code(self, **arguments: Any) -> HttpResponse:
        """Does what the page is for; raises the operation's exceptions."""
        raise NotImplementedError

    def form_valid(self, form: CodeForm) -> HttpResponse:
        try:
            return self.with_code(
                by=staff_actor(self.request),
                user=self.owner,
                code=form.cleaned_data["code"],
            )
        except (secondfactor.WrongCode, secondfactor.TooManyTries) as error:
            return self.show(form, form.refuse(error))
        except secondfactor.NotSetUp:
            return redirect(self.not_set_up)

    def show_codes(self, codes: list[str], back: str) -> HttpResponse:
        return self.page(
            "Keep these codes",
            template="staff/account/recovery_codes.html",
            codes=codes,
            back=back,
        )


class Confirm(CodePage):
    """Shows the key to scan, and confirms it by a code."""

    template = "staff/account/confirm_second_factor.html"
    form_class = FirstCodeForm
    title = "Set up a second factor"
    act = "Confirm"
    not_set_up = "staff:second-factor"

    @cached_property
    def waiting(self) -> Any:
        return secondfactor.waiting(self.owner)

    def obstacle(self) -> HttpResponse | None:
        return None if self.waiting else redirect("staff:second-factor")

    def context(self) -> dict[str, Any]:
        key = self.waiting.reveal()
        label = quote(f"{ISSUER}:{self.owner}@{self.request.get_host()}")
        query = urlencode({"secret": key, "issuer": ISSUER}, quote_via=quote)
        link = f"otpauth://totp/{label}?{query}"  # authenticator apps open it
        return {
            "key": " ".join(key[i : i + 4] for i in range(0, len(key), 4)),
            "link": link,
            "picture": qr_code(link),
        }

    def with_code(self, **arguments: Any) -> HttpResponse:
        codes = secondfactor.confirm(**arguments)
        complete_login(self.request, secondfactor.of(self.owner))
        text = "It is set up: from now on you are asked for a code at every login."
        messages.success(self.request, text)
        return self.show_codes(codes, redirect_target(self.request))


class RenewCodes(CodePage):
    lead = (
        "Ten new ones are shown once, on the next page. The ones you have are refused from "
        "then on."
    )
    title = "Make new recovery codes?"
    act = "Make new codes"

    def obstacle(self) -> HttpResponse | None:
        if second_factor(self.owner) is None:
            return redirect("staff:second-factor")
        return None

    def with_code(self, **arguments: Any) -> HttpResponse:
        codes = secondfactor.renew_codes(**arguments)
        return self.show_codes(codes, reverse("staff:account"))


class Remove(CodePage, PasswordPage):
    lead = (
        "After that, your password alone opens your account, and your recovery codes are "
        "refused. For a new phone, remove it here and set it up again on that one."
    )
    form_class = PasswordAndCodeForm
    title = "Remove the second factor?"
    act = "Remove it"
    dangerous = True

    def obstacle(self) -> HttpResponse | None:
        if second_factor(self.owner) is None:
            return redirect("staff:account")
        return None

    def with_code(self, **arguments: Any) -> HttpResponse:
        secondfactor.remove(**arguments)
        return self.leave(
            "It is removed. Your password alone opens your account from now on."
        )


@dataclass(frozen=True)
class QrCode:
    """The path of its dark squares, in a square of `size` units a side."""

    size: int
    path: str


def qr_code(text: str) -> QrCode:
    code = segno.make(text, error="m", micro=False)
    dark = (
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(code.matrix_iter(border=4))
        for x, is_dark in enumerate(row)
        if is_dark
    )
    return QrCode(size=int(code.symbol_size(border=4)[0]), path="".join(dark))
