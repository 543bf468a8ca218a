"""One partner: everything about it on one page, its details, and its switch."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from webhooks.console.actor import staff_actor
from webhooks.models import Partner
from webhooks.operations import partners
from webhooks.staff.pages import Crumb, Page

from . import overview
from .forms import Changes
from .list import above


def found(id: UUID) -> Partner:
    """Raises Http404."""
    partner = Partner.objects.filter(id=id).first()
    if partner is None:
        raise Http404
    return partner


def levels(partner: Partner) -> tuple[Crumb, Crumb]:
    """What is above the pages of one partner."""
    return above(), Crumb(partner.name, reverse("staff:partner", args=[partner.id]))


class One(Page):
    permission = "webhooks.view_partner"
    template = "staff/partners/partner.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        partner = found(id)
        return self.page(
            partner.name,
            under=(above(),),
            partner=partner,
            **overview.of(partner, viewer=request.user, query=request.GET),
        )


class Edit(Page):
    permission = "webhooks.change_partner"
    template = "staff/partners/form.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        partner = found(id)
        return self._asked(partner, Changes.of(partner))

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        partner, form = found(id), Changes(request.POST)
        if not form.is_valid():
            return self._asked(partner, form, status=422)
        try:
            partners.update(
                by=staff_actor(request), partner=partner, seen=form.seen, **form.wanted
            )
        except partners.NameTaken:
            form.add_error("name", form.TAKEN)
            return self._asked(partner, form, status=422)
        except partners.Overtaken as meanwhile:
            again = Changes.of(meanwhile.stands, form.wanted)
            _say_what_stands(again, meanwhile.stands, form.seen)
            return self._asked(partner, again, status=409)
        messages.success(request, "Saved.")
        return redirect("staff:partner", id)

    def _asked(
        self, partner: Partner, form: Changes, status: int = 200
    ) -> HttpResponse:
        return self.page(
            f"Edit {partner}",
            under=levels(partner),
            status=status,
            form=form,
            act="Save",
            back=reverse("staff:partner", args=[partner.id]),
        )


class Switch(Page):
    """Says what hangs on it, and by POST switches the partner off, or on again."""

    permission = "webhooks.change_partner"
    template = "staff/partners/switch.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        partner = found(id)
        name = str(partner)
        act = f"Deactivate {name}" if partner.is_active else f"Activate {name}"
        return self.page(
            f"{act}?",
            under=levels(partner),
            partner=partner,
            act=act,
            dangerous=partner.is_active,
            back=reverse("staff:partner", args=[id]),
            hanging=overview.hanging(partner, now=timezone.now()),
        )

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        partner = found(id)
        wanted = {"on": True, "off": False}.get(request.POST.get("to", ""))
        if wanted is None:
            return self.get(request, id)
        if partner.is_active == wanted:  # somebody else was faster
            messages.info(request, f"{partner} was {_stands(wanted)} already.")
            return redirect("staff:partner", id)
        partners.update(by=staff_actor(request), partner=partner, is_active=wanted)
        messages.success(request, f"{partner} is {_stands(wanted)}. {_MEANS[wanted]}")
        return redirect("staff:partner", id)


_MEANS = {
    True: "Its keys open again, and new events are sent to it. What it missed meanwhile "
    "is not: a recovery for one of its subscriptions sends that.",
    False: "Its keys are refused, and new events are noted and sent nowhere.",
}


def _stands(is_active: bool) -> str:
    return "active" if is_active else "inactive"


def _say_what_stands(form: Changes, stands: Partner, seen: dict[str, Any]) -> None:
    for field, value in seen.items():
        now = getattr(stands, field)
        if now != value:
            form.add_error(
                field,
                f"Somebody else has changed this meanwhile, to “{now}”. Nothing was "
                "saved; save again to put yours in its place.",
            )
