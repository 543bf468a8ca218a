"""Events and event types: the lists, one of each, and publishing an event by hand."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console import labels, paging, untrusted_text
from webhooks.console.actor import staff_actor
from webhooks.delivery import wire
from webhooks.models import Event, EventType
from webhooks.operations import events
from webhooks.staff.pages import Crumb, FormPage, List, Page, admin_row, crumb

from .forms import EventFilters, EventTypeFilters, PublishForm

MOST_DELIVERIES = 50
"""Deliveries that an event's page shows; the others are a link away."""

_ABOVE = ("Events", "events")

# Field of the operation -> field of the form beside which its refusal stands.
_FIELDS = {"data": "payload", "attributes": "shop_id"}


class Events(List):
    permission = "webhooks.view_event"
    title = "Events"
    template = "staff/events/list.html"
    filters = EventFilters

    def get(self, request: HttpRequest) -> HttpResponse:
        if "told" in request.GET:  # what the filter was once called
            query = request.GET.copy()
            former = {
                "nobody": EventFilters.UNMATCHED,
                "somebody": EventFilters.MATCHED,
            }
            query["matched"] = former.get(query.pop("told")[0], "")
            return redirect(reverse("staff:events", query=query), permanent=True)
        return super().get(request)

    def rows(self) -> Any:
        return Event.objects.select_related("partner").defer("data", "attributes")


class One(Page):
    permission = "webhooks.view_event"
    template = "staff/events/event.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        event = get_object_or_404(Event.objects.select_related("partner"), id=id)
        found = list(event.deliveries.order_by("-id")[: MOST_DELIVERIES + 1])
        attributes = event.attributes and untrusted_text.of_json(event.attributes)
        return self.page(
            f"Event {event.type} of {event.partner}",
            under=[crumb(*_ABOVE)],
            event=event,
            data=untrusted_text.of_json(event.data),
            attributes=attributes,
            deliveries=found[:MOST_DELIVERIES],
            has_more=len(found) > MOST_DELIVERIES,
            is_catalogued=EventType.objects.filter(name=event.type).exists(),
        )


class Publish(FormPage):
    """A form for the type in the address; without one, only the choice of it."""

    permission = "webhooks.add_event"
    template = "staff/events/publish.html"
    form_class = PublishForm
    title = "Publish a test event"
    act = "Publish it"

    @cached_property
    def chosen(self) -> EventType | None:
        return _type(self.request.GET.get("type", ""))

    def get_initial(self) -> dict[str, Any]:
        example = untrusted_text.to_edit(self.chosen.example) if self.chosen else ""
        return {"payload": example, "partner": self.request.GET.get("partner", "")}

    def above(self) -> Sequence[Crumb]:
        return [crumb(*_ABOVE)]

    def context(self) -> dict[str, Any]:
        names = EventType.objects.order_by("name").values_list("name", flat=True)
        return {
            "chosen": self.chosen,
            "names": names,
            "partner": self.request.GET.get("partner", ""),
        }

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if self.chosen is None:
            raise Http404
        return super().post(request, **kwargs)

    def form_valid(self, form: PublishForm) -> HttpResponse:
        assert self.chosen is not None  # noqa: S101 - `post` has looked
        shop_id = form.cleaned_data["shop_id"]
        try:
            event = events.publish(
                by=staff_actor(self.request),
                partner=form.cleaned_data["partner"],
                type=self.chosen.name,
                data=form.cleaned_data["payload"],
                attributes={"shop_id": shop_id} if shop_id else {},
                idempotency_key=form.idempotency_key(self.chosen.name),
                now=timezone.now(),
            ).event
        except events.InvalidEvent as invalid:
            form.add_error(_FIELDS.get(invalid.field), invalid.message)
            return self.show(form, 422)
        if event.matched:
            text = "Published. Its deliveries are below."
            messages.success(self.request, text)
        else:
            text = f"Published, but unmatched. {event.unmatched_reason}"
            messages.warning(self.request, text)
        return redirect("staff:event", event.id)


class EventTypes(List):
    permission = "webhooks.view_eventtype"
    title = "Event types"
    template = "staff/events/types.html"
    filters = EventTypeFilters
    keyset = paging.Keyset("name", is_ascending=True)

    def rows(self) -> Any:
        return EventType.objects.defer("example")


class OneType(Page):
    permission = "webhooks.view_eventtype"
    template = "staff/events/type.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        found = _type(name)
        if found is None:
            raise Http404
        names = {
            labels.dialect(profile.name): profile.name_of(name)
            for profile in wire.profiles().values()
        }
        schema = found.schema
        return self.page(
            f"Event type {found.name}",
            under=[crumb("Event types", "event-types")],
            event_type=found,
            example=untrusted_text.of_json(found.example),
            schema=None if schema is None else untrusted_text.of_json(schema),
            names=sorted(names.items()),
            row=admin_row(found),
        )


def _type(name: str) -> EventType | None:
    """The type that an address names, if there is one. PostgreSQL takes no NUL."""
    return EventType.objects.filter(name=name.replace("\0", "\ufffd")).first()
