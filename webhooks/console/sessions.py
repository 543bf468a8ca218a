"""A session ends: so long after its log-in, and sooner when its owner does nothing.

Django counts from the last time a session was written, so there every write prolongs it.
Here the log-in is noted once, and the last sign of life at most once a minute: no request
pays for a write but the first of each minute.
"""

import time

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

_BEGAN, _SEEN = "began_at", "seen_at"
_NOTED_EVERY = 60  # seconds


def over(request: HttpRequest) -> str:
    """Why the session of `request` is over, in a sentence for its owner; empty if it is not."""
    began, seen = request.session.get(_BEGAN), request.session.get(_SEEN)
    if began is None or seen is None:
        return ""
    now = time.time()
    if now - began >= settings.SESSION_COOKIE_AGE:
        return (
            "Your session has ended, as each does after a while. Log in again to go on."
        )
    if now - seen >= settings.SESSION_IDLE_SECONDS:
        return "You were logged out because nothing was done for a while."
    return ""


def note(request: HttpRequest, *, is_sign_of_life: bool) -> None:
    """Note when the session of who is logged in began, and that its owner is there."""
    # What was not asked for its session has shown nothing about it.
    if not request.session.accessed or SESSION_KEY not in request.session:
        return
    now = int(time.time())
    if _BEGAN not in request.session:
        request.session[_BEGAN] = request.session[_SEEN] = now
    elif (
        is_sign_of_life
        and now - request.session[_SEEN] >= _NOTED_EVERY
        # An interface refuses a session that is over and does not end it.
        and not over(request)
    ):
        request.session[_SEEN] = now
