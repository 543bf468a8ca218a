"""Recoveries: the list, the status of one, and cancelling it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console import paging
from webhooks.console.actor import staff_actor
from webhooks.models import Recovery
from webhooks.operations import recoveries
from webhooks.staff.pages import ConfirmPage, Crumb, List, Page, crumb

from . import status
from .forms import RecoveryFilters

_ENDED = "It has ended, and no delivery of it waits: nothing was cancelled."
_ABOVE = ("Recoveries", "recoveries")


class Recoveries(List):
    permission = "webhooks.view_recovery"
    title = "Recoveries"
    template = "staff/recoveries/list.html"
    filters = RecoveryFilters
    keyset = paging.Keyset("created_at", "id")

    def rows(self) -> Any:
        return Recovery.objects.select_related("partner")

    def context(self, listed: paging.Listed) -> dict[str, Any]:
        return {"progresses": status.of(listed.rows)}


def found(id: UUID) -> status.Status:
    row = get_object_or_404(Recovery.objects.select_related("partner"), id=id)
    (found,) = status.of([row])
    return found


class One(Page):
    permission = "webhooks.view_recovery"
    template = "staff/recoveries/recovery.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        context = _progress(id)
        return self.page(
            f"Recovery for {context['recovery'].partner}",
            under=[crumb(*_ABOVE)],
            **context,
        )


class Progress(Page):
    """The part of the page that changes while the recovery is not over."""

    permission = "webhooks.view_recovery"
    keeps_session_alive = False

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        return render(request, "staff/recoveries/progress.html", _progress(id))


def _progress(id: UUID) -> dict[str, Any]:
    its, now = found(id), timezone.now()
    partner = its.recovery.partner
    return {
        "progress": its,
        "recovery": its.recovery,
        "to": None if its.is_over else status.receivers(partner, its.subscription),
        "queued_at": its.queued_at(now),
        "now": now,
    }


class Cancel(ConfirmPage):
    permission = "webhooks.replay_delivery"
    template = "staff/recoveries/cancel.html"
    title = "Cancel the recovery"
    dangerous = True

    @cached_property
    def progress(self) -> status.Status:
        return found(self.kwargs["id"])

    def above(self) -> Sequence[Crumb]:
        recovery = self.progress.recovery
        title = f"Recovery for {recovery.partner}"
        return crumb(*_ABOVE), crumb(title, "recovery", recovery.id)

    def context(self) -> dict[str, Any]:
        return {"progress": self.progress}

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if self.progress.is_over:
            messages.info(request, _ENDED)
            return redirect("staff:recovery", self.progress.recovery.id)
        return super().get(request, **kwargs)

    def form_valid(self, form: Form) -> HttpResponse:
        recovery = self.progress.recovery
        try:
            recoveries.cancel(
                by=staff_actor(self.request), recovery=recovery, now=timezone.now()
            )
        except recoveries.Finished:
            messages.warning(self.request, _ENDED)
        else:
            messages.success(
                self.request,
                "Cancelled. No more of it is queued, and waiting deliveries are not sent. "
                "Another recovery can send them later.",
            )
        return redirect("staff:recovery", recovery.id)
