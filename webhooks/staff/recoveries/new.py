"""A new recovery, in three steps: whose, what and since when; what that would do; go."""

from contextlib import suppress
from typing import Any
from uuid import UUID

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
from webhooks.staff.deliveries.forms import Redelivery
from webhooks.staff.pages import Page

from . import previewing, recovering
from .forms import OWN, Asked, Whose
from .views import above

PREVIEW = "preview"
"""The button that asks for a preview; without it an address only fills in the form."""


class New(Page):
    permission = "webhooks.replay_delivery"
    template = "staff/recoveries/new.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        whose = Whose(request.GET if "partner" in request.GET else None)
        if not whose.is_valid():
            return self._whose(whose, status=422 if whose.is_bound else 200)
        partner = whose.cleaned_data["partner"]
        if PREVIEW not in request.GET:
            return self._asked(Asked(initial=_prefilled(request.GET), partner=partner))
        form = Asked(request.GET, partner=partner)
        preview = self._preview(form)
        if preview is None:
            return self._asked(form, status=422)
        return self._previewed(form, preview)

    def post(self, request: HttpRequest) -> HttpResponse:
        whose = Whose(request.POST)
        if not whose.is_valid():
            return self._whose(whose, status=422)
        form = Asked(request.POST, partner=whose.cleaned_data["partner"])
        started = self._started(form) if form.is_valid() else None
        if started is None:
            return self._asked(form, status=422)
        return redirect("staff:recovery", started)

    def _started(self, form: Asked) -> UUID | None:
        """The id of the recovery; None if there is none, which the form says why."""
        try:
            recovery = recoveries.start(
                by=staff_actor(self.request),
                partner=form.partner,
                filter=form.wanted(),
                now=timezone.now(),
                rerender=form.cleaned_data["bytes"] == Redelivery.ANEW,
                id=form.cleaned_data["id"],
            )
        except recoveries.AlreadyStarted:
            text = "It was started before; the second time changed nothing."
            messages.info(self.request, text)
            return UUID(str(form.cleaned_data["id"]))
        except InvalidFilter as invalid:
            form.invalid(invalid)
        except deliveries.NotReceiving as why:
            form.not_receiving(why)
        else:
            text = f"Started: {recovery.total} to be sent again. They are queued behind what is new."
            messages.success(self.request, text)
            return recovery.id
        return None

    def _preview(self, form: Asked) -> previewing.Preview | None:
        """What it would do; None if it cannot be done, which the form says why."""
        if not form.is_valid():
            return None
        try:
            return previewing.of(
                partner=form.partner, filter=form.wanted(), now=timezone.now()
            )
        except InvalidFilter as invalid:
            form.invalid(invalid)
        except deliveries.NotReceiving as why:
            form.not_receiving(why)
        return None

    def _whose(self, form: Whose, *, status: int) -> HttpResponse:
        return self._step("staff/recoveries/new_whose.html", form=form, status=status)

    def _asked(self, form: Asked, *, status: int = 200) -> HttpResponse:
        return self._step(
            "staff/recoveries/new.html",
            status=status,
            form=form,
            partner=form.partner,
            subscription=form.chosen,
            outcomes=[
                (option, recovering.OUTCOMES[option.data["value"]][1])
                for option in form["outcomes"].subwidgets
            ],
        )

    def _previewed(self, form: Asked, preview: previewing.Preview) -> HttpResponse:
        return self._step(
            "staff/recoveries/preview.html",
            partner=form.partner,
            preview=preview,
            is_anew=form.cleaned_data["bytes"] == Redelivery.ANEW,
            carried_fields=list(form.carried(time_ordered())),
            change=_without_preview(self.request.GET),
        )

    def _step(
        self, template: str, *, status: int = 200, **context: Any
    ) -> HttpResponse:
        return self.page(
            "Recover what was missed",
            under=(above(),),
            status=status,
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


def _without_preview(query: QueryDict) -> str:
    """The address of the form, filled in as it was."""
    kept = query.copy()
    del kept[PREVIEW]
    return f"?{kept.urlencode()}"
