"""When a session ends: some hours after its login, and sooner when its owner does nothing.

Django counts from the last write of a session, so every write prolongs it. Here the login is
noted once, and the last request of its owner at most once a minute, so that few requests pay
for a write.
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
        return "Your session has ended, as every session does after some hours. Log in again."
    if now - seen >= settings.SESSION_IDLE_SECONDS:
        return "You were logged out because nothing was done for a while."
    return ""


def note(request: HttpRequest, *, is_sign_of_life: bool) -> None:
    """Note when the session of a logged-in user began, and that its owner is there."""
    # A request that did not read its session says nothing about it.
    if not request.session.accessed or SESSION_KEY not in request.session:
        return
    now = int(time.time())
    if _BEGAN not in request.session:
        request.session[_BEGAN] = request.session[_SEEN] = now
    elif (
        is_sign_of_life
        and now - request.session[_SEEN] >= _NOTED_EVERY
        # The browsable API refuses a session that is over and does not end it.
        and not over(request)
    ):
        request.session[_SEEN] = now
