"""django-csp's header, whose text is made once where no view has changed the policy.

django-csp makes the same text anew for each answer, and that was a tenth of the time of a GET.
"""

from typing import Any

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ContentPolicy(CSPMiddleware):
    """Whatever a view says of its answer's policy is an attribute that begins with `_csp`; then
    django-csp makes the text. Of the settings only the DIRECTIVES are read here."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self._policy = build_policy()

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        is_changed = any(
            name.startswith("_csp")
            for each in (request, response)
            for name in vars(each)
        )
        if is_changed or settings.DEBUG:  # in which Django's pages of errors have none
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self._policy)
        return response
