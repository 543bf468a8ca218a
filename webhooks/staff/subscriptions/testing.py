"""Testing a subscription: an event that did not happen, and watching it arrive."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console.actor import staff_actor
from webhooks.models import Endpoint, Subscription
from webhooks.operations import deliveries, once, subscriptions, testing
from webhooks.staff.pages import Crumb, FormPage, Page

from . import events, test_result
from .forms import SendTestForm
from .views import above, found


class Test(FormPage):
    """Chooses the event; by POST sends it and leads to where it is watched."""

    permission = "webhooks.add_event"
    template = "staff/subscriptions/test.html"
    form_class = SendTestForm
    title = "Send a test event"
    act = "Send it"

    @cached_property
    def subscription(self) -> Subscription:
        return found(self.kwargs["id"], live=True)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"names": events.testable(self.subscription)}

    def above(self) -> Sequence[Crumb]:
        return above(self.subscription)

    def context(self) -> dict[str, Any]:
        targets: Sequence[Endpoint] = ()
        obstacle = ""
        rows = deliveries.with_receivers(Subscription.objects.all())
        try:
            targets = deliveries.receivers(rows.get(id=self.subscription.id))
        except deliveries.NotReceiving as why:
            obstacle = str(why)
        return {
            "subscription": self.subscription,
            "targets": targets,
            "obstacle": obstacle,
        }

    def form_valid(self, form: SendTestForm) -> HttpResponse:
        try:
            event = testing.send(
                by=staff_actor(self.request),
                subscription=self.subscription,
                now=timezone.now(),
                type=form.cleaned_data["type"],
                id=form.cleaned_data["id"],
            )
        except deliveries.NotReceiving as why:
            messages.error(self.request, f"Nothing was sent. {why}")
        except once.IdRefused:
            form.refuse_id()
            return self.show(form, 422)
        except testing.Untestable:
            text = "Nothing was sent: its dialect has no name for such an event."
            messages.error(self.request, text)
        except subscriptions.Deleted:
            messages.error(self.request, "Nothing was sent: it was deleted meanwhile.")
        else:
            text = f"A test of type {event.type} is on its way."
            messages.success(self.request, text)
            page = reverse(
                "staff:subscription",
                args=[self.subscription.id],
                query={"test": event.id},
                fragment="test",
            )
            return redirect(page)
        return redirect("staff:subscription", self.subscription.id)


class Progress(Page):
    """The part of the subscription's page that changes while a test is on its way."""

    permission = "webhooks.view_delivery"
    keeps_session_alive = False

    def get(self, request: HttpRequest, id: UUID, event: UUID) -> HttpResponse:
        subscription, now = found(id), timezone.now()
        test = test_result.of(subscription, event, now=now)
        if test is None:
            raise Http404
        context = {"test": test, "subscription": subscription, "now": now}
        return render(request, "staff/subscriptions/test_result.html", context)
