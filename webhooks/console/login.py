"""The steps of a login, and where it leads.

A password alone grants no access once a second factor is set up. The console's pages, the
admin and the browsable API all ask here.
"""

from enum import Enum, auto
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from webhooks.operations import secondfactor


class LoginStep(Enum):
    CODE = auto()  # of the second factor that is set up
    ENROLMENT = auto()  # there is no second factor, and there must be one


def pending_step(request: HttpRequest) -> LoginStep | None:
    """What the user must still do; None when the login is complete or nobody is logged in."""
    user: Any = request.user  # with what django-otp adds to it
    if not user.is_authenticated or user.is_verified():
        return None
    # The middleware asks, and the sidebar asks again.
    if not hasattr(user, "has_second_factor"):
        user.has_second_factor = secondfactor.of(user) is not None
    if user.has_second_factor:
        return LoginStep.CODE
    return LoginStep.ENROLMENT if settings.REQUIRE_SECOND_FACTOR else None


def redirect_target(request: HttpRequest) -> str:
    """The address in `next`, or the console's first page; never another host."""
    address = request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    ):
        return address
    return reverse("staff:home")
