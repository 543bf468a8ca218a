"""The console's front door."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.generic import View


class Home(View):
    """Leads to the deliveries, which most who come here look for."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return redirect("staff:deliveries")
