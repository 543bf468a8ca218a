"""The session of a member of staff: the steps of its login, and when it ends.

A password alone grants no access once a second factor is set up, and one that somebody else
knows only the page that changes it. A session ends some hours after its login, sooner when its
owner does nothing, and at once when its row is deleted. The console, the admin and the
browsable API use the same rules.
"""

from enum import Enum, auto
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from webhooks.models import Authenticator, InitialPassword, StaffSession
from webhooks.operations import people, secondfactor, sessions

from .client_address import client_ip

# Django's session holds the id of our row, which says when it began and was last used, and
# whose absence ends it.
_ROW = "staff_session"

_CLOSED = "You were logged out: this session was ended from another one. Log in again."
_TOO_OLD = (
    "Your session has ended, as every session does after some hours. Log in again."
)
_IDLE = "You were logged out because nothing was done for a while."
_EXPIRED = (
    "The password that somebody set for you is no longer valid, because it was not changed in "
    "time. Ask for a new one."
)


class LoginStep(Enum):
    CODE = auto()  # of the second factor that is set up
    PASSWORD = auto()  # somebody else has set the present one
    ENROLMENT = auto()  # there is no second factor, and there must be one


def pending_step(request: HttpRequest) -> LoginStep | None:
    """The next step of the login; None when it is complete or nobody is logged in."""
    user: Any = request.user  # with what django-otp adds to it
    if not user.is_authenticated:
        return None
    if not user.is_verified() and second_factor(user) is not None:
        return LoginStep.CODE
    if _initial_password(user) is not None:
        return LoginStep.PASSWORD
    if settings.REQUIRE_SECOND_FACTOR and not user.is_verified():
        return LoginStep.ENROLMENT
    return None


def is_complete(request: HttpRequest) -> bool:
    """Whether somebody has logged in, with every step, and the session is not over."""
    return (
        request.user.is_authenticated
        and not end_reason(request)
        and pending_step(request) is None
    )


def second_factor(user: Any) -> Authenticator | None:
    """The one that `user` has set up, as it was when this request first asked."""
    # Kept, because the middleware, the sidebar and the pages of the account need it.
    if not hasattr(user, "known_second_factor"):
        user.known_second_factor = secondfactor.of(user)
    return cast("Authenticator | None", user.known_second_factor)


def _initial_password(user: Any) -> InitialPassword | None:
    if not hasattr(user, "known_initial_password"):  # kept as well
        user.known_initial_password = people.initial_password(user)
    found: InitialPassword | None = user.known_initial_password
    return found if found and found.is_of_now else None


def redirect_target(request: HttpRequest) -> str:
    """The address in `next`, or the console's first page; never another host."""
    address = request.GET.get("next", "")
    # From the root: Django's `redirect` takes other text for the name of a page.
    if address.startswith("/") and url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    ):
        return address
    return reverse("staff:home")


def of(request: HttpRequest) -> StaffSession | None:
    """The row of the session of `request`; None before its first answer, and once it is over."""
    if not hasattr(request, "staff_session"):
        # Of the session, not of `request.user`, where the browsable API puts its caller.
        rows = StaffSession.objects.filter(user=request.session.get(SESSION_KEY))
        id: str | None = request.session.get(_ROW)
        found = rows.filter(pk=id).first() if id else None
        request.staff_session = found  # type: ignore[attr-defined]
    return cast("StaffSession | None", request.staff_session)  # type: ignore[attr-defined]


def end_reason(request: HttpRequest) -> str:
    """Why the session of `request` is over, in a sentence for its owner; empty if it is not."""
    if SESSION_KEY not in request.session or not request.user.is_authenticated:
        return ""
    initial = _initial_password(request.user)
    if initial is not None and people.has_expired(initial):
        return _EXPIRED
    return _reason_of_row(request)


def _reason_of_row(request: HttpRequest) -> str:
    if _ROW not in request.session:
        return ""
    session, now = of(request), timezone.now()
    if session is None:
        return _CLOSED
    if (now - session.started_at).total_seconds() >= settings.SESSION_COOKIE_AGE:
        return _TOO_OLD
    if (now - session.seen_at).total_seconds() >= settings.SESSION_IDLE_SECONDS:
        return _IDLE
    return ""


def record_activity(request: HttpRequest, *, is_sign_of_life: bool) -> None:
    """Store when the session of a logged-in user began, and when it was last used."""
    # A request that did not read its session says nothing about it.
    if not request.session.accessed or SESSION_KEY not in request.session:
        return
    if _ROW not in request.session:
        begun = sessions.begin(
            user_id=int(request.session[SESSION_KEY]),
            user_agent=request.headers.get("User-Agent", ""),
            address=client_ip(request),
        )
        request.session[_ROW] = str(begun.pk)
        return
    # The browsable API refuses a session that is over and does not end it.
    if not is_sign_of_life or _reason_of_row(request):
        return
    session = of(request)
    if session and (timezone.now() - session.seen_at).total_seconds() >= _pause():
        sessions.record_activity(session)


def close(request: HttpRequest) -> None:
    """The session of `request` is no longer listed; the caller logs it out."""
    if id := request.session.get(_ROW):
        sessions.close(id)


def _pause() -> float:
    """Seconds between two records of activity: few requests pay for one."""
    return min(60.0, settings.SESSION_IDLE_SECONDS / 10)
