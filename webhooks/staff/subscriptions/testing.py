"""Testing a subscription: an event that did not happen, and watching it arrive."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from webhooks.console.actor import staff_actor
from webhooks.console.addresses import with_changes
from webhooks.models import Subscription
from webhooks.operations import deliveries, once, subscriptions, testing
from webhooks.staff.pages import Page

from . import trial, wanted
from .test_form import Trial
from .views import above, found


class Test(Page):
    """Chooses the event; by POST sends it and leads to where it is watched."""

    permission = "webhooks.add_event"
    template = "staff/subscriptions/test.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        subscription = found(id, live=True)
        return self._asked(subscription, Trial(names=wanted.testable(subscription)))

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        subscription = found(id, live=True)
        form = Trial(request.POST, names=wanted.testable(subscription))
        if not form.is_valid():
            return self._asked(subscription, form, status=422)
        try:
            event = testing.send(
                by=staff_actor(request),
                subscription=subscription,
                now=timezone.now(),
                type=form.cleaned_data["type"],
                id=form.cleaned_data["id"],
            )
        except deliveries.NotReceiving as why:
            messages.error(request, f"Nothing was sent. {why}")
        except once.IdRefused:
            form.refuse_id()
            return self._asked(subscription, form, status=422)
        except testing.Untestable:
            messages.error(
                request, "Nothing was sent: its dialect has no name for such an event."
            )
        except subscriptions.Deleted:
            messages.error(request, "Nothing was sent: it was deleted meanwhile.")
        else:
            messages.success(request, f"A test of type {event.type} is on its way.")
            page = reverse("staff:subscription", args=[id])
            return redirect(f"{page}{with_changes({}, test=str(event.id))}#test")
        return redirect("staff:subscription", id)

    def _asked(
        self, subscription: Subscription, form: Trial, status: int = 200
    ) -> HttpResponse:
        rows = deliveries.with_receivers(Subscription.objects.all())
        try:
            targets = deliveries.receivers(rows.get(id=subscription.id))
            obstacle = ""
        except deliveries.NotReceiving as why:
            targets, obstacle = [], str(why)
        return self.page(
            "Send a test event",
            under=above(subscription),
            status=status,
            subscription=subscription,
            form=form,
            targets=targets,
            obstacle=obstacle,
            back=reverse("staff:subscription", args=[subscription.id]),
        )


class Progress(Page):
    """The part of the subscription's page that changes while a test is on its way."""

    permission = "webhooks.view_delivery"
    is_asked_for_by_hand = False

    def get(self, request: HttpRequest, id: UUID, event: UUID) -> HttpResponse:
        subscription, now = found(id), timezone.now()
        shown = trial.of(subscription, event, now=now)
        if shown is None:
            raise Http404
        context = {"trial": shown, "subscription": subscription, "now": now}
        return render(request, "staff/subscriptions/trial.html", context)
