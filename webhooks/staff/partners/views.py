"""Partners: the list, a new one, one of them, its details, and its switch."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Max
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console import paging
from webhooks.console.actor import staff_actor
from webhooks.console.filters import Filters
from webhooks.models import ApiKey, Partner, Subscription
from webhooks.operations import partners
from webhooks.staff.pages import ConfirmPage, Crumb, FormPage, List, Page, crumb

from . import endpoints, overview
from .forms import DetailsForm, EditForm, PartnerFilters

_ABOVE = ("Partners", "partners")


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

    def context(self, listed: paging.Listed) -> dict[str, Any]:
        ids = [partner.id for partner in listed.rows]
        live = Subscription.objects.live().filter(partner__in=ids).order_by()
        subscriptions = dict(live.values_list("partner").annotate(Count("id")))
        keys = ApiKey.objects.filter(partner__in=ids, revoked_at=None).order_by()
        uses = dict(keys.values_list("partner").annotate(Max("last_used_at")))
        unhealthy = endpoints.counts(ids)
        return {
            "partners": [
                {
                    "partner": partner,
                    "subscriptions": subscriptions.get(partner.id, 0),
                    "unhealthy": unhealthy.get(partner.id, endpoints.Unhealthy()),
                    "has_key": partner.id in uses,
                    "last_use": uses.get(partner.id),
                }
                for partner in listed.rows
            ]
        }


def found(id: UUID) -> Partner:
    return get_object_or_404(Partner, id=id)


def levels(partner: Partner) -> Sequence[Crumb]:
    """What is above the pages of one partner."""
    return crumb(*_ABOVE), crumb(partner, "partner", partner.id)


class New(FormPage):
    permission = "webhooks.add_partner"
    form_class = DetailsForm
    title = "New partner"
    act = "Create the partner"

    def above(self) -> Sequence[Crumb]:
        return [crumb(*_ABOVE)]

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


class One(Page):
    permission = "webhooks.view_partner"
    template = "staff/partners/partner.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        partner = found(id)
        return self.page(
            partner.name,
            under=[crumb(*_ABOVE)],
            partner=partner,
            **overview.of(partner, may=self.may, query=request.GET),
        )


class Edit(FormPage):
    permission = "webhooks.change_partner"
    form_class = EditForm
    act = "Save"

    @cached_property
    def partner(self) -> Partner:
        return found(self.kwargs["id"])

    @property
    def title(self) -> str:
        return f"Edit {self.partner}"

    def get_initial(self) -> dict[str, Any]:
        return EditForm.initial_of(self.partner)

    def above(self) -> Sequence[Crumb]:
        return levels(self.partner)

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
            return self.show(form.overtaken(meanwhile.stands), 409)
        messages.success(self.request, "Saved.")
        return redirect("staff:partner", self.partner.id)


class Switch(ConfirmPage):
    """Switches the partner off, or on again, after saying what depends on it."""

    permission = "webhooks.change_partner"
    template = "staff/partners/switch.html"

    @cached_property
    def partner(self) -> Partner:
        return found(self.kwargs["id"])

    @property
    def title(self) -> str:
        return f"{self.act}?"

    @property
    def act(self) -> str:
        return (
            f"{'Deactivate' if self.partner.is_active else 'Activate'} {self.partner}"
        )

    def above(self) -> Sequence[Crumb]:
        return levels(self.partner)

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
            messages.info(self.request, f"{partner} was {_WORD[to]} already.")
        else:
            by = staff_actor(self.request)
            partners.update(by=by, partner=partner, is_active=to)
            text = f"{partner} is {_WORD[to]}. {_MEANS[to]}"
            messages.success(self.request, text)
        return redirect("staff:partner", partner.id)


_WORD = {True: "active", False: "inactive"}

_MEANS = {
    True: "Its keys work again, and new events are sent to it. Events that it missed are "
    "not: replay them for each of its subscriptions.",
    False: "Its keys are refused, and new events are stored but sent nowhere.",
}
