"""Exploring the APIs as a partner: begin, the paths that it may call, leave."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from webhooks.console import exploring
from webhooks.staff.pages import Page
from webhooks.staff.partners.views import found, levels

from . import paths


class Explore(Page):
    permission = exploring.PERMISSION
    template = "staff/exploring/explore.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        partner = found(id)
        is_explored = exploring.explored_partner(request) == partner
        return self.page(
            f"Explore as {partner}",
            under=levels(partner),
            partner=partner,
            is_explored=is_explored,
            groups=paths.of(partner) if is_explored else (),
            back=reverse("staff:partner", args=[id]),
        )

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        partner = found(id)
        if partner.is_active:
            exploring.begin(request, partner)
        return redirect("staff:explore", id)


class Leave(Page):
    """Ends it, and goes back to the partner that was explored."""

    permission = exploring.PERMISSION
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        partner = exploring.leave(request)
        if partner is None:
            return redirect("staff:partners")
        messages.success(
            request, f"You call no API as {partner} any more. What you changed stays."
        )
        return redirect("staff:partner", partner.id)
