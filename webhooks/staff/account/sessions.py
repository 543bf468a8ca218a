"""Where somebody is logged in: one's own sessions, and for a manager those of others."""

from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property

from webhooks.console.actor import staff_actor
from webhooks.operations import sessions
from webhooks.staff.pages import Crumb, FormPage, Page

from .forms import PasswordForm
from .views import PasswordPage


class Sessions(Page):
    """Of the person in the address."""

    permission = "webhooks.end_session"
    template = "staff/account/sessions.html"

    @cached_property
    def person(self) -> User:
        return get_object_or_404(User, pk=self.kwargs["user"])

    @property
    def title(self) -> str:
        return f"Sessions of {self.person}"

    def context(self) -> dict[str, Any]:
        return {"person": self.person, "sessions": sessions.live(self.person)}


class EndSession(FormPage):
    """One of them, or all."""

    permission = "webhooks.end_session"
    title = "End the session?"
    lead = "Its next request is asked to log in. What was typed there and not saved is lost."
    act = "End it"
    dangerous: ClassVar[bool] = True

    def context(self) -> dict[str, Any]:
        """Which one it is, where it is one."""
        for session in sessions.live(self.person):
            if session.pk == self.kwargs.get("id"):
                where = f"{session.user_agent or 'A browser'}, from {session.address}."
                return {"lead": f"{where} {self.lead}"}
        return {}

    @cached_property
    def person(self) -> User:
        return get_object_or_404(User, pk=self.kwargs["user"])

    def above(self) -> list[Crumb]:
        address = reverse("staff:sessions", args=[self.person.pk])
        return [Crumb(f"Sessions of {self.person}", address)]

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            sessions.end(
                by=staff_actor(self.request), user=self.person, id=self.kwargs["id"]
            )
        except sessions.NoSession:
            return self.leave("That session is over already.", messages.INFO)
        return self.leave("The session is ended.")


class EndSessions(EndSession):
    title = "End all sessions?"
    lead = (
        "Every browser in which this person is logged in is asked to log in again. What was "
        "typed there and not saved is lost."
    )
    act = "End all"

    def form_valid(self, form: Any) -> HttpResponse:
        count = sessions.end_all(by=staff_actor(self.request), user=self.person)
        return self.leave(f"Sessions ended: {count}.")


class EndOwnSession(PasswordPage, EndSession):
    form_class = PasswordForm

    @property
    def person(self) -> User:
        return self.owner

    def above(self) -> list[Crumb]:
        return [Crumb("Your account", reverse("staff:account"))]

    def obstacle(self) -> HttpResponse | None:
        if str(self.kwargs.get("id")) == self.own_session:
            return redirect("staff:account")  # that one is ended by logging out
        return None


class EndOtherSessions(EndOwnSession):
    title = "Log out everywhere else?"
    lead = "Every other browser in which you are logged in is asked to log in again."
    act = "Log out there"

    def form_valid(self, form: Any) -> HttpResponse:
        if self.own_session is None:
            raise Http404
        count = sessions.end_all(
            by=staff_actor(self.request), user=self.owner, but=self.own_session
        )
        return self.leave(f"Sessions ended: {count}.")
