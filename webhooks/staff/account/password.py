"""One's own password: changed by who knows the present one."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from webhooks.console.actor import staff_actor
from webhooks.operations import people
from webhooks.staff.pages import OwnPage

from .forms import NewPassword
from .views import above


class ChangePassword(OwnPage):
    template = "staff/account/change_password.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._asked(NewPassword(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = NewPassword(request, request.POST)
        if not form.is_valid():
            return self._asked(form, status=422)
        people.change_password(
            by=staff_actor(request), user=self.owner, password=form.cleaned_data["new"]
        )
        update_session_auth_hash(request, self.owner)
        messages.success(
            request, "Your password is changed. Everywhere else you are logged out."
        )
        return redirect("staff:account")

    def _asked(self, form: NewPassword, status: int = 200) -> HttpResponse:
        return self.page(
            "Change your password",
            under=above(),
            form=form,
            status=status,
            act="Change it",
            back=reverse("staff:account"),
            dangerous=False,
        )
