"""Recoveries: the list, the status of one, starting one and cancelling it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console import paging
from webhooks.console.actor import staff_actor
from webhooks.console.filters import Moment
from webhooks.models import Recovery
from webhooks.operations import deliveries, recoveries, recovery_selection
from webhooks.operations.recoveries import InvalidFilter
from webhooks.staff.deliveries.forms import RedeliveryForm
from webhooks.staff.pages import Crumb, FormPage, List, LivePart, Page, crumb
from webhooks.staff.partners.forms import PartnerForm

from . import status
from .forms import OWN, RecoveryFilters, RecoveryForm
from .status import OUTCOMES

PREVIEW = "preview"
"""The button that asks for a preview; without it an address only fills in the form."""

_ABOUT = (
    "A recovery sends again what did not arrive: after a receiver was down, a URL was wrong, or "
    "a subscription was off. Fix the cause first. You see a preview before anything is sent."
)
_ENDED = "It has ended, and no delivery of it waits: nothing was cancelled."


class Recoveries(List):
    permission = "webhooks.view_recovery"
    title = "Recoveries"
    template = "staff/recoveries/list.html"
    filters = RecoveryFilters
    keyset = paging.Keyset("created_at", "id")

    def rows(self) -> Any:
        return Recovery.objects.select_related("partner")

    def context(self) -> dict[str, Any]:
        return {"progresses": status.of(self.listed.rows)}


class RecoveryPage(Page):
    """A page about the recovery in the address."""

    permission = "webhooks.view_recovery"
    section = ("Recoveries", "recoveries")

    @cached_property
    def progress(self) -> status.Status:
        rows = Recovery.objects.select_related("partner")
        (found,) = status.of([get_object_or_404(rows, id=self.kwargs["id"])])
        return found

    @property
    def recovery(self) -> Recovery:
        return self.progress.recovery

    @property
    def title(self) -> str:
        return f"Recovery for {self.recovery.partner}"

    def context(self) -> dict[str, Any]:
        """The part of the page that changes while the recovery runs."""
        its, now, to = self.progress, timezone.now(), None
        if not its.is_over:
            to = status.receivers(self.recovery.partner, its.subscription)
        return {
            "progress": its,
            "recovery": self.recovery,
            "to": to,
            "queued_at": its.queued_at(now),
            "now": now,
        }


class Detail(RecoveryPage):
    template = "staff/recoveries/recovery.html"


class Progress(RecoveryPage, LivePart):
    template = "staff/recoveries/progress.html"


class Cancel(RecoveryPage, FormPage):
    permission = "webhooks.replay_delivery"
    template = "staff/recoveries/cancel.html"
    title = "Cancel the recovery"
    dangerous = True
    refusals = {recoveries.Finished: (messages.WARNING, _ENDED)}

    def above(self) -> Sequence[Crumb]:
        return [*super().above(), crumb(super().title, "recovery", self.recovery.id)]

    def context(self) -> dict[str, Any]:
        return {"progress": self.progress}

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if self.progress.is_over:
            return self.leave(_ENDED, messages.INFO)
        return super().get(request, **kwargs)

    def form_valid(self, form: Form) -> HttpResponse:
        recoveries.cancel(by=staff_actor(self.request), recovery=self.recovery)
        return self.leave(
            "Cancelled. No more of it is queued, and waiting deliveries are not sent. "
            "Another recovery can send them later."
        )


class New(Page):
    """Three steps: for which partner; what, and since when; the preview."""

    permission = "webhooks.replay_delivery"
    section = ("Recoveries", "recoveries")
    title = "Replay failed deliveries"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
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
        try:
            recovery = recoveries.start(
                by=staff_actor(self.request),
                partner=form.partner,
                filter=form.filter(),
                rerender=form.cleaned_data["bytes"] == RedeliveryForm.ANEW,
            )
        except (InvalidFilter, deliveries.NotReceiving) as why:
            form.refuse(why)
            return None
        more = "" if recovery_selection.is_total_exact(recovery) else " or more"
        text = f"Started: {recovery.total:,}{more} to be sent again. New events go before them."
        messages.success(self.request, text)
        return redirect("staff:recovery", recovery.id)

    def _preview(self, form: RecoveryForm) -> HttpResponse | None:
        """The preview; None if there is none, and then the form has the reason."""
        if not form.is_valid():
            return None
        try:
            found = status.preview(partner=form.partner, filter=form.filter())
        except (InvalidFilter, deliveries.NotReceiving) as why:
            form.refuse(why)
            return None
        change = self.request.GET.copy()
        del change[PREVIEW]
        return self.page(
            template="staff/recoveries/preview.html",
            partner=form.partner,
            preview=found,
            most_counted=recovery_selection.MOST_COUNTED,
            is_rerendered=form.cleaned_data["bytes"] == RedeliveryForm.ANEW,
            hidden_inputs=list(form.hidden_inputs()),
            change=f"?{change.urlencode()}",
        )

    def _partner(self, form: PartnerForm) -> HttpResponse:
        return self.page(
            template="console/form.html",
            status=422 if form.is_bound else 200,
            form=form,
            method="get",
            lead=_ABOUT,
            act="Continue",
            back=self.above()[-1].address,
        )

    def _form(self, form: RecoveryForm, *, status: int = 200) -> HttpResponse:
        return self.page(
            template="staff/recoveries/new.html",
            status=status,
            form=form,
            partner=form.partner,
            subscription=form.chosen,
            outcomes=[
                (option, OUTCOMES[option.data["value"]][1])
                for option in form["outcomes"].subwidgets
            ],
        )


def _prefilled(query: QueryDict) -> dict[str, Any]:
    """The initial values that the address gives."""
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
