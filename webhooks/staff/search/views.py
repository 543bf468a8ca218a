"""The one search of the console.

The term is posted, and comes back in an address without any key or secret: somebody who looks
for the owner of a leaked key pastes the key.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from webhooks.staff.pages import Page

from . import finding, terms


class Search(Page):
    """For every member of staff; each finds only what they may see."""

    permission = ""
    template = "staff/search/search.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        return self._at(terms.reduced(request.POST.get("q", "")))

    def get(self, request: HttpRequest) -> HttpResponse:
        given = request.GET.get("q", "")
        term = terms.reduced(given)
        if term != given:
            return self._at(term)  # an address that somebody wrote by hand
        found = finding.groups(term, may=self.may) if term else []
        if address := finding.named(found, term):
            return redirect(address)
        return self.page("Search", term=term, groups=found)

    def _at(self, term: str) -> HttpResponse:
        return redirect(f"{reverse('staff:search')}?{urlencode({'q': term})}")
