"""Deliveries: the list, one of them with its raw bodies, and sending it again."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.forms import HiddenInput
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console.actor import staff_actor
from webhooks.models import Attempt, Delivery, Endpoint, Subscription
from webhooks.operations import deliveries
from webhooks.staff.pages import Crumb, FormPage, List, LivePart, Page, crumb

from . import timeline
from .forms import FAILED, DeliveryFilters, RedeliveryForm


class Deliveries(List):
    permission = "webhooks.view_delivery"
    title = "Deliveries"
    template = "staff/deliveries/list.html"
    filters = DeliveryFilters

    def rows(self) -> Any:
        return Delivery.objects.select_related("partner", "event").defer(
            "event__data", "event__attributes"
        )


class DeliveryPage(Page):
    """A page about the delivery in the address."""

    permission = "webhooks.view_delivery"
    section = ("Deliveries", "deliveries")

    @cached_property
    def delivery(self) -> Delivery:
        rows = Delivery.objects.select_related(
            "partner", "event", "subscription", "endpoint"
        )
        return get_object_or_404(rows, id=self.kwargs["id"])

    def context(self) -> dict[str, Any]:
        """The part of the page that changes until the delivery is settled."""
        delivery = self.delivery
        is_deleted = delivery.subscription.deleted_at is not None
        is_test = delivery.reason == Delivery.TRIED_ONCE
        return {
            "delivery": delivery,
            "timeline": timeline.of(delivery, now=timezone.now()),
            "is_recoverable": delivery.state in FAILED and not (is_deleted or is_test),
        }


class Progress(DeliveryPage, LivePart):
    template = "staff/deliveries/progress.html"


class Detail(DeliveryPage):
    template = "staff/deliveries/delivery.html"

    @property
    def title(self) -> str:
        return f"Delivery of {self.delivery.event.type} to {self.delivery.partner}"

    def context(self) -> dict[str, Any]:
        delivery = self.delivery
        original = delivery.redelivery_of and Delivery.objects.filter(
            id=delivery.redelivery_of
        )
        return super().context() | {
            # It may be kept no longer.
            "original": original.first() if original else None,
            # Found among those of its event, which are indexed.
            "repeats": Delivery.objects.filter(
                event_id=delivery.event_id, redelivery_of=delivery.id
            ).order_by("-id")[:20],
        }


class Body(Page):
    """The body that was sent or received, byte by byte: to be saved and never to be shown."""

    permission = "webhooks.view_delivery"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        id, side = kwargs["id"], kwargs["side"]
        field = {"request": "request_body", "response": "response_body"}[side]
        row = Attempt.objects.filter(id=id).values_list(field).first()
        if row is None or row[0] is None:
            raise Http404
        return HttpResponse(
            bytes(row[0]),
            content_type="application/octet-stream",
            headers={
                "Content-Disposition": f'attachment; filename="{side}-{id}.bin"',
                "X-Content-Type-Options": "nosniff",
            },
        )


class Redeliver(DeliveryPage, FormPage):
    """Sends a delivery again; one that is pending is only sent sooner."""

    permission = "webhooks.replay_delivery"
    template = "staff/deliveries/redeliver.html"
    form_class = RedeliveryForm
    refusals = {
        deliveries.NotReceiving: (messages.ERROR, "Nothing was sent. {}"),
        deliveries.UnderWay: (
            messages.WARNING,
            "An attempt is under way at this moment.",
        ),
        deliveries.StillPending: (
            messages.ERROR,
            "It waits for a retry. Only a delivery that has ended is rendered again.",
        ),
        deliveries.Ended: (
            messages.INFO,
            "It is no longer pending. Its status is below.",
        ),
    }

    @property
    def is_pending(self) -> bool:
        return self.delivery.state == Delivery.State.PENDING

    @property
    def title(self) -> str:
        return "Send now" if self.is_pending else "Send again"

    def get_initial(self) -> dict[str, Any]:
        return {"is_pending": self.is_pending}

    def get_form(self, form_class: Any = None) -> RedeliveryForm:
        form: RedeliveryForm = super().get_form(form_class)
        if self.is_pending:  # it is sent itself, and so are its bytes
            form.fields["bytes"].widget = HiddenInput()
        return form

    def above(self) -> Sequence[Crumb]:
        event_type, id = self.delivery.event.type, self.delivery.id
        return [*super().above(), crumb(event_type, "delivery", id)]

    def context(self) -> dict[str, Any]:
        targets, obstacle = _targets(self.delivery)
        return {"delivery": self.delivery, "targets": targets, "obstacle": obstacle}

    def form_valid(self, form: RedeliveryForm) -> HttpResponse:
        try:
            queued = deliveries.redeliver(
                by=staff_actor(self.request),
                delivery=self.delivery,
                rerender=form.cleaned_data["bytes"] == RedeliveryForm.ANEW,
                must_wait=form.cleaned_data["is_pending"],
            )
        except deliveries.Pruned:
            raise Http404 from None
        if queued.id == self.delivery.id:
            return self.leave("The next attempt is made now.")
        text = "Queued. This is the new delivery; the former stays as it was."
        messages.success(self.request, text)
        return redirect("staff:delivery", queued.id)


def _targets(delivery: Delivery) -> tuple[Sequence[Endpoint], str]:
    """The URL that it would go to, or the reason why it cannot be sent."""
    endpoint = delivery.endpoint
    if delivery.state == Delivery.State.PENDING and endpoint:
        targets: Sequence[Endpoint] = [endpoint] if not endpoint.disabled_at else []
    else:
        rows = deliveries.with_receivers(Subscription.objects.all())
        try:
            receiving = deliveries.receivers(rows.get(id=delivery.subscription_id))
        except deliveries.NotReceiving as why:
            return [], f"Nothing can be sent to this subscription now. {why}"
        targets = deliveries.targets(delivery, receiving)
    if not targets and endpoint:
        reason = f"The endpoint was disabled: {endpoint.disabled_reason}"
        return [], f"Nothing can be sent to this subscription now. {reason}"
    return targets, ""
