"""Partners: the list, a new one, one of them, its details, activating and deactivating it."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import Count, Max
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console import paging
from webhooks.console.actor import staff_actor
from webhooks.console.filters import Filters
from webhooks.models import ApiKey, Partner, Subscription
from webhooks.operations import partners
from webhooks.staff.pages import Crumb, FormPage, List, Page, crumb

from . import overview
from .forms import DetailsForm, EditForm, PartnerFilters


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

    def context(self) -> dict[str, Any]:
        ids = [partner.id for partner in self.listed.rows]
        live = Subscription.objects.live().filter(partner__in=ids).order_by()
        subscriptions = dict(live.values_list("partner").annotate(Count("id")))
        keys = ApiKey.objects.filter(partner__in=ids, revoked_at=None).order_by()
        uses = dict(keys.values_list("partner").annotate(Max("last_used_at")))
        unhealthy = overview.unhealthy_counts(ids)
        return {
            "partners": [
                {
                    "partner": partner,
                    "subscriptions": subscriptions.get(partner.id, 0),
                    "unhealthy": unhealthy.get(partner.id, overview.Unhealthy()),
                    "has_key": partner.id in uses,
                    "last_use": uses.get(partner.id),
                }
                for partner in self.listed.rows
            ]
        }


def above(partner: Partner | None = None) -> Sequence[Crumb]:
    """The list, and the partner itself where a page is about something of it."""
    crumbs = [crumb("Partners", "partners")]
    if partner is not None:
        crumbs.append(crumb(partner, "partner", partner.id))
    return crumbs


class PartnerPage(Page):
    """A page about the partner in the address."""

    @cached_property
    def partner(self) -> Partner:
        return get_object_or_404(Partner, id=self.kwargs["id"])

    def above(self) -> Sequence[Crumb]:
        return above(self.partner)


class Detail(PartnerPage):
    permission = "webhooks.view_partner"
    template = "staff/partners/partner.html"

    @property
    def title(self) -> str:
        return self.partner.name

    def above(self) -> Sequence[Crumb]:
        return above()

    def context(self) -> dict[str, Any]:
        parts = overview.of(self.partner, may=self.may, query=self.request.GET)
        return {"partner": self.partner, **parts}


class New(FormPage):
    permission = "webhooks.add_partner"
    form_class = DetailsForm
    title = "New partner"
    act = "Create the partner"

    def above(self) -> Sequence[Crumb]:
        return above()

    def form_valid(self, form: DetailsForm) -> HttpResponse:
        by = staff_actor(self.request)
        try:
            made = partners.create(by=by, **form.cleaned_data)
        except partners.NameTaken:
            form.refuse_name()
            return self.show(form, 422)
        text = f"{made} is created. It has no key yet: issue one, and it can call the APIs."
        messages.success(self.request, text)
        return redirect("staff:partner", made.id)


class Edit(PartnerPage, FormPage):
    permission = "webhooks.change_partner"
    form_class = EditForm
    act = "Save"

    @property
    def title(self) -> str:
        return f"Edit {self.partner}"

    def get_initial(self) -> dict[str, Any]:
        return EditForm.initial_of(self.partner)

    def form_valid(self, form: EditForm) -> HttpResponse:
        try:
            partners.update(
                by=staff_actor(self.request),
                partner=self.partner,
                seen=form.seen,
                **form.changes,
            )
        except partners.NameTaken:
            form.refuse_name()
            return self.show(form, 422)
        except partners.Overtaken as meanwhile:
            return self.show(form.overtaken(meanwhile.current), 409)
        return self.leave("Saved.")


class Switch(PartnerPage, FormPage):
    """Deactivates the partner, or activates it again, after saying what depends on it."""

    permission = "webhooks.change_partner"
    template = "staff/partners/switch.html"

    @property
    def title(self) -> str:
        return f"{self.act}?"

    @property
    def act(self) -> str:
        verb = "Deactivate" if self.partner.is_active else "Activate"
        return f"{verb} {self.partner}"

    def context(self) -> dict[str, Any]:
        return {
            "partner": self.partner,
            "dangerous": self.partner.is_active,
            "dependents": overview.dependents(self.partner, now=timezone.now()),
        }

    def form_valid(self, form: Form) -> HttpResponse:
        partner = self.partner
        to = {"on": True, "off": False}.get(self.request.POST.get("to", ""))
        if to is None:
            return self.show(form)
        if partner.is_active == to:  # somebody else was faster
            text = f"{partner} was {'active' if to else 'inactive'} already."
            return self.leave(text, messages.INFO)
        partners.update(by=staff_actor(self.request), partner=partner, is_active=to)
        return self.leave(f"{partner} is {_SWITCHED[to]}")


_SWITCHED = {
    True: "active. Its keys work again, and new events are sent to it. Events that it missed "
    "are not: replay them for each of its subscriptions.",
    False: "inactive. Its keys are refused, and new events are stored but sent nowhere.",
}
