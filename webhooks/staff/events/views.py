"""Events: the list, one of them, and publishing one by hand."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from webhooks.console import untrusted_text
from webhooks.console.actor import staff_actor
from webhooks.models import Event, EventType
from webhooks.operations import events
from webhooks.staff.pages import Crumb, List, Page

from .event_types import named
from .forms import EventFilters, Publication

MOST_DELIVERIES = 50
"""Deliveries that an event's page shows; the others are a link away."""

_FIELDS = {"data": "payload", "attributes": "shop_id"}
"""The field of the form beside which a refusal of the operation stands."""


def above() -> Crumb:
    return Crumb("Events", reverse("staff:events"))


class Events(List):
    permission = "webhooks.view_event"
    title = "Events"
    template = "staff/events/list.html"
    filters = EventFilters

    def rows(self) -> Any:
        return Event.objects.select_related("partner").defer("data", "attributes")


class One(Page):
    permission = "webhooks.view_event"
    template = "staff/events/event.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        event = Event.objects.select_related("partner").filter(id=id).first()
        if event is None:
            raise Http404
        found = list(event.deliveries.order_by("-id")[: MOST_DELIVERIES + 1])
        return self.page(
            f"Event {event.type} of {event.partner}",
            under=(above(),),
            event=event,
            data=untrusted_text.of_json(event.data),
            attributes=untrusted_text.of_json(event.attributes)
            if event.attributes
            else "",
            deliveries=found[:MOST_DELIVERIES],
            has_more=len(found) > MOST_DELIVERIES,
            is_catalogued=EventType.objects.filter(name=event.type).exists(),
        )


class Publish(Page):
    """A form for the type in the address; without one, the choice of it."""

    permission = "webhooks.add_event"
    template = "staff/events/publish.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = self._chosen()
        data = untrusted_text.to_edit(chosen.example) if chosen else ""
        initial = {"payload": data, "partner": request.GET.get("partner", "")}
        return self._asked(chosen, Publication(initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        chosen, form = self._chosen(), Publication(request.POST)
        if chosen is None:
            raise Http404
        if not form.is_valid():
            return self._asked(chosen, form, status=422)
        shop_id = form.cleaned_data["shop_id"]
        try:
            published = events.publish(
                by=staff_actor(request),
                partner=form.cleaned_data["partner"],
                type=chosen.name,
                data=form.cleaned_data["payload"],
                attributes={"shop_id": shop_id} if shop_id else {},
                idempotency_key=form.idempotency_key(chosen.name),
                now=timezone.now(),
            )
        except events.InvalidEvent as invalid:
            form.add_error(_FIELDS.get(invalid.field), invalid.message)
            return self._asked(chosen, form, status=422)
        return self._published(published.event)

    def _published(self, event: Event) -> HttpResponse:
        if event.matched:
            text = "Published. Below is where it goes."
            messages.success(self.request, text)
        else:
            messages.warning(
                self.request, f"Published, and nobody is told. {event.unmatched_reason}"
            )
        return redirect("staff:event", event.id)

    def _chosen(self) -> EventType | None:
        return named(self.request.GET.get("type", ""))

    def _asked(
        self, chosen: EventType | None, form: Publication, status: int = 200
    ) -> HttpResponse:
        names = EventType.objects.order_by("name").values_list("name", flat=True)
        return self.page(
            "Publish a test event",
            under=(above(),),
            status=status,
            chosen=chosen,
            names=names,
            form=form,
        )
