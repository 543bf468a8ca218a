"""One delivery: how it stands, its raw bodies, and sending it again."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from webhooks.console.actor import staff_actor
from webhooks.models import Attempt, Delivery, Endpoint, Subscription
from webhooks.operations import deliveries, once
from webhooks.staff.pages import Crumb, Page

from . import progress
from .forms import Redelivery


def found(id: UUID) -> Delivery:
    """The delivery with what its pages say of others; raises Http404."""
    rows = Delivery.objects.select_related(
        "partner", "event", "subscription", "endpoint"
    )
    delivery = rows.filter(id=id).first()
    if delivery is None:
        raise Http404
    return delivery


def above() -> Crumb:
    return Crumb("Deliveries", reverse("staff:deliveries"))


class One(Page):
    permission = "webhooks.view_delivery"
    template = "staff/deliveries/delivery.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        delivery = found(id)
        return self.page(
            f"Delivery of {delivery.event.type} to {delivery.partner}",
            under=(above(),),
            delivery=delivery,
            progress=progress.of(delivery, now=timezone.now()),
            repeated=_repeated(delivery),
            repeats=_repeats(delivery),
        )


class Progress(Page):
    """The part of the page that changes while the delivery is on its way."""

    permission = "webhooks.view_delivery"
    is_asked_for_by_hand = False

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        now = timezone.now()
        shown = progress.of(found(id), now=now)
        context = {"progress": shown, "delivery": shown.delivery, "now": now}
        return render(request, "staff/deliveries/progress.html", context)


class Body(Page):
    """What was sent or received, byte by byte: to be saved and never to be shown."""

    permission = "webhooks.view_delivery"

    def get(self, request: HttpRequest, id: UUID, side: str) -> HttpResponse:
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


_NOT_SENT: dict[type[Exception], tuple[int, str]] = {
    deliveries.UnderWay: (
        messages.WARNING,
        "An attempt is under way at this moment.",
    ),
    deliveries.StillPending: (
        messages.ERROR,
        "It still waits for a retry, and only what has ended is rendered anew.",
    ),
    deliveries.Ended: (
        messages.INFO,
        "It no longer waits: look below how it ended.",
    ),
}


class Redeliver(Page):
    """Says what would be sent where, and by POST sends it."""

    permission = "webhooks.replay_delivery"
    template = "staff/deliveries/redeliver.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        return self._asked(found(id), Redelivery())

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        delivery, form = found(id), Redelivery(request.POST)
        if not form.is_valid():
            return self._asked(delivery, form, status=422)
        new_id = form.cleaned_data["id"]
        try:
            queued = deliveries.redeliver(
                by=staff_actor(request),
                delivery=delivery,
                now=timezone.now(),
                rerender=form.cleaned_data["bytes"] == Redelivery.ANEW,
                id=new_id,
                must_wait=new_id is None,
            )
        except deliveries.NotReceiving as why:
            messages.error(request, f"Nothing was sent. {why}")
        except tuple(_NOT_SENT) as why:
            messages.add_message(request, *_NOT_SENT[type(why)])
        except once.IdRefused:
            form.refuse_id()
            return self._asked(delivery, form, status=422)
        except deliveries.Gone:
            raise Http404 from None
        else:
            return self._sent(delivery, queued)
        return redirect("staff:delivery", id)

    def _sent(self, delivery: Delivery, queued: Delivery) -> HttpResponse:
        if queued.id == delivery.id:
            text = "It no longer waits for its turn: the next attempt is made now."
        else:
            text = "Queued. This is the new delivery; the former stays as it was."
        messages.success(self.request, text)
        return redirect("staff:delivery", queued.id)

    def _asked(
        self, delivery: Delivery, form: Redelivery, status: int = 200
    ) -> HttpResponse:
        targets, obstacle = _targets(delivery)
        return self.page(
            "Send now" if delivery.state == Delivery.State.PENDING else "Send again",
            under=(
                above(),
                Crumb(
                    str(delivery.event.type),
                    reverse("staff:delivery", args=[delivery.id]),
                ),
            ),
            status=status,
            delivery=delivery,
            form=form,
            targets=targets,
            obstacle=obstacle,
        )


def _targets(delivery: Delivery) -> tuple[list[Endpoint], str]:
    """Where it would go, or why nowhere."""
    endpoint = delivery.endpoint
    if delivery.state == Delivery.State.PENDING and endpoint:
        return (
            ([endpoint], "")
            if endpoint.disabled_at is None
            else ([], _disabled(endpoint))
        )
    rows = deliveries.with_receivers(Subscription.objects.all())
    subscription = rows.get(id=delivery.subscription_id)
    try:
        receiving = deliveries.receivers(subscription)
    except deliveries.NotReceiving as why:
        return [], str(why)
    targets = deliveries.targets(delivery, receiving)
    if not targets and endpoint:
        return [], _disabled(endpoint)
    return list(targets), ""


def _disabled(endpoint: Endpoint) -> str:
    return f"The endpoint was disabled: {endpoint.disabled_reason}"


def _repeated(delivery: Delivery) -> Delivery | None:
    """The one that this repeats; it may be kept no longer."""
    if delivery.redelivery_of is None:
        return None
    return Delivery.objects.filter(id=delivery.redelivery_of).first()


def _repeats(delivery: Delivery) -> Any:
    """Deliveries that repeat this one, found among those of its event."""
    return Delivery.objects.filter(
        event_id=delivery.event_id, redelivery_of=delivery.id
    ).order_by("-id")[:20]
