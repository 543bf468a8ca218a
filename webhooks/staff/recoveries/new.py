"""A new recovery, in three steps: for which partner; what, and since when; the preview."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone

from webhooks.console.actor import staff_actor
from webhooks.console.filters import Moment
from webhooks.models.ids import time_ordered
from webhooks.operations import deliveries, recoveries
from webhooks.operations.recoveries import InvalidFilter
from webhooks.staff.deliveries.forms import RedeliveryForm
from webhooks.staff.pages import Page, crumb
from webhooks.staff.partners.forms import PartnerForm

from . import preview
from .forms import OWN, RecoveryForm
from .status import OUTCOMES

PREVIEW = "preview"
"""The button that asks for a preview; without it an address only fills in the form."""


class New(Page):
    permission = "webhooks.replay_delivery"

    def get(self, request: HttpRequest) -> HttpResponse:
        first = PartnerForm(request.GET if "partner" in request.GET else None)
        if not first.is_valid():
            return self._partner(first)
        partner = first.cleaned_data["partner"]
        if PREVIEW not in request.GET:
            initial = _prefilled(request.GET)
            return self._form(RecoveryForm(initial=initial, partner=partner))
        form = RecoveryForm(request.GET, partner=partner)
        return self._preview(form) or self._form(form, status=422)

    def post(self, request: HttpRequest) -> HttpResponse:
        first = PartnerForm(request.POST)
        if not first.is_valid():
            return self._partner(first)
        form = RecoveryForm(request.POST, partner=first.cleaned_data["partner"])
        return self._start(form) or self._form(form, status=422)

    def _start(self, form: RecoveryForm) -> HttpResponse | None:
        """None if there is no recovery; the form says why."""
        if not form.is_valid():
            return None
        id = form.cleaned_data["id"]
        try:
            recovery = recoveries.start(
                by=staff_actor(self.request),
                partner=form.partner,
                filter=form.filter(),
                now=timezone.now(),
                rerender=form.cleaned_data["bytes"] == RedeliveryForm.ANEW,
                id=id,
            )
        except recoveries.AlreadyStarted:
            text = "It was started before; the second time changed nothing."
            messages.info(self.request, text)
        except (InvalidFilter, deliveries.NotReceiving) as why:
            form.refuse(why)
            return None
        else:
            id = recovery.id
            text = f"Started: {recovery.total} to be sent again. New events go before them."
            messages.success(self.request, text)
        return redirect("staff:recovery", id)

    def _preview(self, form: RecoveryForm) -> HttpResponse | None:
        """What it would do; None if it cannot be done, and the form says why."""
        if not form.is_valid():
            return None
        try:
            found = preview.of(
                partner=form.partner, filter=form.filter(), now=timezone.now()
            )
        except (InvalidFilter, deliveries.NotReceiving) as why:
            form.refuse(why)
            return None
        change = self.request.GET.copy()
        del change[PREVIEW]
        return self._step(
            "staff/recoveries/preview.html",
            partner=form.partner,
            preview=found,
            is_rerendered=form.cleaned_data["bytes"] == RedeliveryForm.ANEW,
            hidden_inputs=list(form.hidden_inputs(time_ordered())),
            change=f"?{change.urlencode()}",
        )

    def _partner(self, form: PartnerForm) -> HttpResponse:
        status = 422 if form.is_bound else 200
        return self._step("staff/recoveries/new_partner.html", form=form, status=status)

    def _form(self, form: RecoveryForm, *, status: int = 200) -> HttpResponse:
        return self._step(
            "staff/recoveries/new.html",
            status=status,
            form=form,
            partner=form.partner,
            subscription=form.chosen,
            outcomes=[
                (option, OUTCOMES[option.data["value"]][1])
                for option in form["outcomes"].subwidgets
            ],
        )

    def _step(self, template: str, **context: Any) -> HttpResponse:
        return self.page(
            "Replay failed deliveries",
            under=[crumb("Recoveries", "recoveries")],
            template=template,
            **context,
        )


def _prefilled(query: QueryDict) -> dict[str, Any]:
    """What an address fills into the form; the rest of the form is as it begins."""
    given: dict[str, Any] = {
        name: query[name]
        for name in ("subscription", "period", "bytes")
        if name in query
    }
    given |= {
        name: query.getlist(name) for name in ("outcomes", "types") if name in query
    }
    for name in ("since", "until"):
        with suppress(ValidationError):
            given[name] = Moment(required=False).clean(query.get(name))
    if given.get("since") and "period" not in given:
        given["period"] = OWN
    return given
