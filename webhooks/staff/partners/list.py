"""Partners: the list, and a new one."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from webhooks.console import paging
from webhooks.console.actor import staff_actor
from webhooks.console.filters import Filters
from webhooks.models import ApiKey, Partner, Subscription
from webhooks.operations import partners
from webhooks.staff.pages import Crumb, List, Page

from . import ailing
from .forms import Details, PartnerFilters


def above() -> Crumb:
    return Crumb("Partners", reverse("staff:partners"))


class Partners(List):
    permission = "webhooks.view_partner"
    title = "Partners"
    template = "staff/partners/list.html"
    filters = PartnerFilters
    keyset = paging.Keyset("name", is_ascending=True)
    newest = paging.Keyset("created_at", "id")

    def rows(self) -> Any:
        return Partner.objects.all()

    def order(self, form: Filters) -> paging.Keyset:
        is_newest = form.cleaned_data["order"] == PartnerFilters.NEWEST
        return self.newest if is_newest else self.keyset

    def more(self, listed: paging.Listed) -> dict[str, Any]:
        ids = [partner.id for partner in listed.rows]
        live = Subscription.objects.live().filter(partner__in=ids).order_by()
        subscriptions = dict(live.values_list("partner").annotate(Count("id")))
        keys = ApiKey.objects.filter(partner__in=ids, revoked_at=None).order_by()
        uses = dict(keys.values_list("partner").annotate(Max("last_used_at")))
        unwell = ailing.counts(ids)
        return {
            "partners": [
                {
                    "partner": partner,
                    "subscriptions": subscriptions.get(partner.id, 0),
                    "unwell": unwell.get(partner.id, ailing.Ailing()),
                    "has_key": partner.id in uses,
                    "last_use": uses.get(partner.id),
                }
                for partner in listed.rows
            ]
        }


class New(Page):
    permission = "webhooks.add_partner"
    template = "staff/partners/form.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._asked(Details())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = Details(request.POST)
        if not form.is_valid():
            return self._asked(form, status=422)
        by = staff_actor(request)
        try:
            made = partners.create(by=by, **form.cleaned_data)
        except partners.NameTaken:
            form.add_error("name", form.TAKEN)
            return self._asked(form, status=422)
        messages.success(
            request,
            f"{made} is created. It has no key yet: issue one, and it can call the APIs.",
        )
        return redirect("staff:partner", made.id)

    def _asked(self, form: Details, status: int = 200) -> HttpResponse:
        return self.page(
            "New partner",
            under=(above(),),
            status=status,
            form=form,
            act="Create the partner",
            back=reverse("staff:partners"),
        )
