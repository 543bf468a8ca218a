"""A form that is sent twice, by a double click or a reload, acts once.

The tag `once` puts a key into a form. When the same form with the same content is
sent again, it redirects to the result of the first. A form that was edited is a new request.
"""

import hashlib
from collections.abc import Callable

import orjson
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from webhooks.models import ids
from webhooks.operations import idempotency

FIELD = "idempotency_key"


SENT_BEFORE = (
    "This form was sent before, and nothing was done a second time. To send it again, open it "
    "anew."
)
_STALE = (
    "Nothing was done: this page was open for more than a day. It is shown anew, without what "
    "you filled in. Check that it still says what you want, and send it again."
)
_KEYLESS = (
    "Nothing was done: the form came without its key, or with one that is none. It is shown "
    "anew, without what you filled in. Send it from this page."
)


_UNREADABLE = (
    "This form was sent before, and nothing was done a second time. Where it led cannot be read: "
    "an encryption key of the portal is missing, as its log says."
)


class Refused(Exception):
    """Nothing was done, and `response` says why. The form may be sent again as it is."""

    def __init__(self, response: HttpResponseBase) -> None:
        super().__init__()
        self.response = response


def once(
    request: HttpRequest,
    do: Callable[[], HttpResponseBase],
    *,
    sent_before: str = SENT_BEFORE,
) -> HttpResponseBase:
    """The answer of `do`; of a form that was sent before, a redirect to where it led, with
    the message `sent_before`.

    An answer leads somewhere by its `Location`, or where it shows something new by its
    `Content-Location`. One that leads nowhere, such as a form with errors, leaves the key
    unused, and so does `Refused`. A request without the field, such as one that reads, acts
    each time. A form that is older than what is kept of it is not acted on.
    """
    token = request.POST.get(FIELD)
    try:
        if token is None:
            return do()
        made = ids.parse(token)
        if made is None or not idempotency.is_kept(made):
            messages.error(request, _STALE if made else _KEYLESS)
            return redirect(request.get_full_path())
        return _once(request, do, sent_before)
    except idempotency.AnswerUnreadable:
        messages.error(request, _UNREADABLE)
        return redirect(request.get_full_path())
    except Refused as refused:
        return refused.response


def _once(
    request: HttpRequest, do: Callable[[], HttpResponseBase], sent_before: str
) -> HttpResponseBase:
    answers: list[HttpResponseBase] = []

    def act() -> str:
        answers.append(do())
        headers = answers[0].headers
        return headers.get("Location") or headers.get("Content-Location", "")

    answered = idempotency.once(partner=None, key=_key(request), fingerprint="", do=act)
    if not answered.is_repeat:
        return answers[0]
    messages.info(request, sent_before)
    return redirect(answered.text)


def _key(request: HttpRequest) -> str:
    """One for each user, page and content of the form."""
    fields = [
        (name, values)
        for name, values in sorted(request.POST.lists())
        if name != "csrfmiddlewaretoken"
    ]
    whole = [str(request.user.pk), request.get_full_path(), fields]
    return hashlib.sha256(orjson.dumps(whole)).hexdigest()
