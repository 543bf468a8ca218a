"""The forms of one's own account: passwords, and codes of the second factor."""

from typing import Any, cast

from django import forms
from django.contrib.auth import authenticate, password_validation
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.timesince import timeuntil
from unfold.forms import AuthenticationForm

from webhooks.operations import secondfactor

from .passwords import LONGEST


class LoginForm(AuthenticationForm):  # type: ignore[misc] # unfold names no types
    """No longer than a name can be. The login stores each name that failed; Django only tells
    the browser how long one may be."""

    username = UsernameField(max_length=150, widget=forms.TextInput())
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=LONGEST,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


_NOT_NOW = (
    "This is not the code of this moment. A code changes every 30 seconds and is taken once: wait "
    "for the next one, and see that the phone's clock is right."
)
_NOT_LEFT = (
    "This is neither six digits nor a recovery code that is left. Each is taken once, and new ones "
    "replace all former ones."
)


class CodeForm(forms.Form):
    """A code of the authenticator, or a recovery code in its place."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        help_text="The six digits that your authenticator app shows now, or one of your recovery codes.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )

    def refuse(self, error: Exception) -> int:
        """Add the error to the field; returns the status code of the response."""
        if isinstance(error, secondfactor.TooManyTries):
            self.add_error(
                "code",
                "Too many wrong codes. This one was not looked at: try again in "
                f"{timeuntil(error.until) if _is_minutes(error) else 'a moment'}.",
            )
            return 429
        is_of_phone = self.cleaned_data["code"].replace(" ", "").isdecimal()
        self.add_error("code", _NOT_NOW if is_of_phone else _NOT_LEFT)
        return 422


class FirstCodeForm(CodeForm):
    """The code that confirms an authenticator; there are no recovery codes yet."""

    code = forms.CharField(
        label="Code",
        max_length=40,
        help_text="The six digits that the app shows for this portal.",
        widget=CodeForm.base_fields["code"].widget,
    )


class PasswordForm(forms.Form):
    """Requires the password again: somebody else may use a browser that was left open."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        # As at the login, so that guesses are counted and locked there and here alike.
        user = authenticate(
            self.request,
            username=self.request.user.get_username(),
            password=password,
        )
        if user is None or user.pk != self.request.user.pk:
            raise ValidationError("This is not your password.")
        # Whoever has the cookie of before has not typed the password.
        self.request.session.cycle_key()
        return password


class NewPasswordForm(PasswordForm):
    new = forms.CharField(
        label="The new password",
        strip=False,
        help_text=" ".join(password_validation.password_validators_help_texts()),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="The new password again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_new(self) -> str:
        new: str = self.cleaned_data["new"]
        if new == self.data.get("password"):
            raise ValidationError("This is the password that you have.")
        password_validation.validate_password(new, cast(User, self.request.user))
        return new

    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if again != self.data.get("new"):
            raise ValidationError("It is not the same as the new password above.")
        return again


class PasswordAndCodeForm(PasswordForm, CodeForm):
    pass


def _is_minutes(error: secondfactor.TooManyTries) -> bool:
    return not timeuntil(error.until).startswith("0")
