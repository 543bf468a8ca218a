"""The session of a member of staff: the steps of its login, and when it ends.

A password alone grants no access once a second factor is set up. A session ends some hours
after its login, and sooner when its owner does nothing. The console, the admin and the
browsable API use the same rules.
"""

import time
from enum import Enum, auto
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from webhooks.operations import secondfactor

# Django counts from the last write of a session, so every write prolongs it. Here the login is
# recorded once and the last request at most once a minute, so few requests pay for a write.
_BEGAN, _SEEN = "began_at", "seen_at"
_RECORDED_EVERY = 60  # seconds


class LoginStep(Enum):
    CODE = auto()  # of the second factor that is set up
    ENROLMENT = auto()  # there is no second factor, and there must be one


def pending_step(request: HttpRequest) -> LoginStep | None:
    """The next step of the login; None when it is complete or nobody is logged in."""
    user: Any = request.user  # with what django-otp adds to it
    if not user.is_authenticated or user.is_verified():
        return None
    # Kept, because the middleware and the sidebar both need it.
    if not hasattr(user, "has_second_factor"):
        user.has_second_factor = secondfactor.of(user) is not None
    if user.has_second_factor:
        return LoginStep.CODE
    return LoginStep.ENROLMENT if settings.REQUIRE_SECOND_FACTOR else None


def redirect_target(request: HttpRequest) -> str:
    """The address in `next`, or the console's first page; never another host."""
    address = request.GET.get("next", "")
    # From the root: Django's `redirect` takes other text for the name of a page.
    if address.startswith("/") and url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    ):
        return address
    return reverse("staff:home")


def end_reason(request: HttpRequest) -> str:
    """Why the session of `request` is over, in a sentence for its owner; empty if it is not."""
    began, seen = request.session.get(_BEGAN), request.session.get(_SEEN)
    if began is None or seen is None:
        return ""
    now = time.time()
    if now - began >= settings.SESSION_COOKIE_AGE:
        return "Your session has ended, as every session does after some hours. Log in again."
    if now - seen >= settings.SESSION_IDLE_SECONDS:
        return "You were logged out because nothing was done for a while."
    return ""


def record_activity(request: HttpRequest, *, is_sign_of_life: bool) -> None:
    """Store when the session of a logged-in user began, and when it was last used."""
    # A request that did not read its session says nothing about it.
    if not request.session.accessed or SESSION_KEY not in request.session:
        return
    now = int(time.time())
    if _BEGAN not in request.session:
        request.session[_BEGAN] = request.session[_SEEN] = now
    elif (
        is_sign_of_life
        and now - request.session[_SEEN] >= _RECORDED_EVERY
        # The browsable API refuses a session that is over and does not end it.
        and not end_reason(request)
    ):
        request.session[_SEEN] = now
