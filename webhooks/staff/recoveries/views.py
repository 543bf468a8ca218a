"""Recoveries: the list, how one stands, and cancelling it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from webhooks.console import paging
from webhooks.console.actor import staff_actor
from webhooks.models import Recovery
from webhooks.operations import recoveries
from webhooks.staff.pages import Crumb, List, Page

from . import receiving, recovering
from .forms import RecoveryFilters

_ENDED = "It has ended, and nothing of it waits: nothing was cancelled."


def found(id: UUID) -> recovering.Standing:
    """How the recovery stands; raises Http404."""
    row = Recovery.objects.select_related("partner").filter(id=id).first()
    if row is None:
        raise Http404
    (standing,) = recovering.of([row])
    return standing


def above() -> Crumb:
    return Crumb("Recoveries", reverse("staff:recoveries"))


def title(recovery: Recovery) -> str:
    return f"Recovery for {recovery.partner}"


class Recoveries(List):
    permission = "webhooks.view_recovery"
    title = "Recoveries"
    template = "staff/recoveries/list.html"
    filters = RecoveryFilters
    keyset = paging.Keyset("created_at", "id")

    def rows(self) -> Any:
        return Recovery.objects.select_related("partner")

    def more(self, listed: paging.Listed) -> dict[str, Any]:
        return {"standings": recovering.of(listed.rows)}


class One(Page):
    permission = "webhooks.view_recovery"
    template = "staff/recoveries/recovery.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        standing = found(id)
        return self.page(
            title(standing.recovery), under=(above(),), **_progress(standing)
        )


class Progress(Page):
    """The part of the page that changes while the recovery is not over."""

    permission = "webhooks.view_recovery"
    is_asked_for_by_hand = False

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        return render(request, "staff/recoveries/progress.html", _progress(found(id)))


class Cancel(Page):
    """Says what it would end, and by POST ends it."""

    permission = "webhooks.replay_delivery"
    template = "staff/recoveries/cancel.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        standing = found(id)
        if standing.is_over:
            messages.info(request, _ENDED)
            return redirect("staff:recovery", id)
        page = reverse("staff:recovery", args=[id])
        return self.page(
            "Cancel the recovery",
            under=(above(), Crumb(title(standing.recovery), page)),
            standing=standing,
            act="Cancel the recovery",
            back=page,
            dangerous=True,
            form=None,
        )

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        recovery = found(id).recovery
        try:
            recoveries.cancel(
                by=staff_actor(request), recovery=recovery, now=timezone.now()
            )
        except recoveries.Finished:
            messages.warning(request, _ENDED)
        else:
            messages.success(
                request,
                "Cancelled. No more of it is queued, and what waited is not sent. "
                "Another recovery can bring it later.",
            )
        return redirect("staff:recovery", id)


def _progress(standing: recovering.Standing) -> dict[str, Any]:
    recovery, now = standing.recovery, timezone.now()
    to = None
    if not standing.is_over:
        to = receiving.of(recovery.partner, standing.subscription)
    return {
        "standing": standing,
        "recovery": recovery,
        "to": to,
        "over_at": standing.over_at(now),
        "now": now,
    }
