"""Whether the browser behind a request has shown all that its owner must show.

A password alone opens nothing to who has a second factor. Asked at every door of a session:
the console's pages, the admin, and the browsable API.
"""

from enum import Enum, auto
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from webhooks.operations import secondfactor


class Owed(Enum):
    CODE = auto()  # of the authenticator that is set up
    ENROLMENT = auto()  # there is none, and there must be one


def owed(request: HttpRequest) -> Owed | None:
    """What is still to be shown; None where nothing is, or nobody is logged in."""
    user: Any = request.user  # with what django-otp adds to it
    if not user.is_authenticated or user.is_verified():
        return None
    # Asked several times on the way to a page: by the door, by the sidebar.
    if not hasattr(user, "has_second_factor"):
        user.has_second_factor = secondfactor.of(user) is not None
    if user.has_second_factor:
        return Owed.CODE
    return Owed.ENROLMENT if settings.REQUIRE_SECOND_FACTOR else None
