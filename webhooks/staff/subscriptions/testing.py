"""Sends a test event to a subscription, and shows its progress."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console.actor import staff_actor
from webhooks.models import Endpoint, Subscription
from webhooks.operations import deliveries, subscriptions, testing
from webhooks.staff.pages import FormPage, LivePart

from . import overview
from .forms import SendTestForm
from .views import SubscriptionPage


class Test(SubscriptionPage, FormPage):
    """Chooses the event; by POST sends it and leads to where it is watched."""

    permission = "webhooks.add_event"
    template = "staff/subscriptions/test.html"
    form_class = SendTestForm
    title = "Send a test event"
    act = "Send it"
    refusals = {
        deliveries.NotReceiving: (messages.ERROR, "Nothing was sent. {}"),
        testing.Untestable: (
            messages.ERROR,
            "Nothing was sent: its dialect has no name for such an event.",
        ),
        subscriptions.Deleted: (
            messages.ERROR,
            "Nothing was sent: it was deleted meanwhile.",
        ),
    }

    @cached_property
    def names(self) -> Sequence[overview.Name]:
        return overview.testable(self.subscription)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"names": self.names}

    def context(self) -> dict[str, Any]:
        targets: Sequence[Endpoint] = ()
        obstacle = ""
        rows = deliveries.with_receivers(Subscription.objects.all())
        try:
            targets = deliveries.receivers(rows.get(id=self.subscription.id))
        except deliveries.NotReceiving as why:
            obstacle = f"Nothing can be sent to it now. {why}"
        if not obstacle and not self.names:
            obstacle = (
                "It cannot be tested: its dialect has no name for a test event, and it is "
                "subscribed to no event. Give it events first."
            )
        return {
            "subscription": self.subscription,
            "targets": targets,
            "obstacle": obstacle,
        }

    def form_valid(self, form: SendTestForm) -> HttpResponse:
        event = testing.send(
            by=staff_actor(self.request),
            subscription=self.subscription,
            **form.cleaned_data,
        )
        text = f"A test of type {event.type} is on its way."
        messages.success(self.request, text)
        page = reverse(
            "staff:subscription",
            args=[self.subscription.id],
            query={"test": event.id},
            fragment="test",
        )
        return redirect(page)


class Progress(SubscriptionPage, LivePart):
    """The part of the subscription's page that changes while a test is on its way."""

    permission = "webhooks.view_delivery"
    template = "staff/subscriptions/test_result.html"
    may_be_deleted = True

    def context(self) -> dict[str, Any]:
        id, now = self.kwargs["event"], timezone.now()
        test = overview.test_result(self.subscription, id, now=now)
        if test is None:
            raise Http404
        return {"test": test, "subscription": self.subscription}
