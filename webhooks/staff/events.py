"""Events and event types: the lists, one of each, and publishing an event by hand."""

from typing import Any

import orjson
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property

from webhooks.console import labels, paging, untrusted_text
from webhooks.console.actor import staff_actor
from webhooks.console.filters import Filters
from webhooks.delivery import wire
from webhooks.models import Event, EventType, PendingFanout
from webhooks.operations import event_schemas, events

from .pages import FormPage, List, Page, admin_row
from .partners.forms import PartnerField

MOST_DELIVERIES = 50
"""Deliveries that an event's page shows; the others are a link away."""


class EventFilters(Filters):
    MATCHED, UNMATCHED = "yes", "no"
    GOING_ON, STUCK = "going_on", "stuck"

    matched = forms.ChoiceField(
        choices={"": "any", MATCHED: "Matched", UNMATCHED: "Unmatched"},
    )
    partner = PartnerField()
    type = forms.CharField(label="Event type", max_length=128)
    idempotency_key = forms.CharField(max_length=255)
    queued = forms.ChoiceField(
        choices={"": "any", GOING_ON: "Being queued", STUCK: "Cannot be queued"},
    )

    indexed = {"partner": "partner"}
    scanned = {"type": "type", "idempotency_key": "idempotency_key"}

    def by_index(self, rows: Any) -> Any:
        rows = super().by_index(rows)
        if self.cleaned_data["matched"] == self.UNMATCHED:
            rows = rows.filter(matched=0)
        unfinished = PendingFanout.objects
        if self.cleaned_data["queued"] == self.GOING_ON:
            rows = rows.filter(pending_fanout__in=unfinished.going_on())
        elif self.cleaned_data["queued"] == self.STUCK:
            rows = rows.filter(pending_fanout__in=unfinished.stuck())
        return rows

    def by_scan(self, rows: Any) -> Any:
        if self.cleaned_data["matched"] == self.MATCHED:
            rows = rows.filter(matched__gt=0)
        return super().by_scan(rows)


class EventTypeFilters(Filters):
    # A type has no time.
    within = since = until = None  # type: ignore[assignment]

    name = forms.CharField(label="Name contains", max_length=128)
    description = forms.CharField(label="Description contains", max_length=200)

    indexed = {"name": "name__icontains", "description": "description__icontains"}


class JsonField(forms.CharField):
    """An object, read as strictly as the API reads it."""

    widget = forms.Textarea(attrs={"rows": 14, "spellcheck": "false"})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise ValidationError(f"This is no JSON: {error}.") from None


class PublishForm(forms.Form):
    """An event of the type in the address."""

    partner = PartnerField()
    payload = JsonField(label="Data")
    shop_id = forms.CharField(
        required=False,
        label="Shop id",
        max_length=255,
        help_text="Subscriptions of another shop do not match. May be empty.",
    )

    def fields_of_event(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "partner": data["partner"],
            "data": data["payload"],
            "attributes": {"shop_id": data["shop_id"]} if data["shop_id"] else {},
        }


class Events(List):
    permission = "webhooks.view_event"
    title = "Events"
    template = "staff/events/list.html"
    filters = EventFilters

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if "told" in request.GET:  # the former name of the filter `matched`
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


class Detail(Page):
    permission = "webhooks.view_event"
    section = ("Events", "events")
    template = "staff/events/event.html"

    @cached_property
    def event(self) -> Event:
        rows = Event.objects.select_related("partner")
        return get_object_or_404(rows, id=self.kwargs["id"])

    @property
    def title(self) -> str:
        return f"Event {self.event.type} of {self.event.partner}"

    def context(self) -> dict[str, Any]:
        event = self.event
        found = list(event.deliveries.order_by("-id")[: MOST_DELIVERIES + 1])
        return {
            "event": event,
            "data": untrusted_text.of_json(event.data),
            "attributes": event.attributes and untrusted_text.of_json(event.attributes),
            "deliveries": found[:MOST_DELIVERIES],
            "has_more": len(found) > MOST_DELIVERIES,
            "fanout": PendingFanout.objects.filter(event=event).first(),
            "is_catalogued": EventType.objects.filter(name=event.type).exists(),
        }


class Publish(FormPage):
    """A form for the type in the address; without one, only the choice of it."""

    permission = "webhooks.add_event"
    section = ("Events", "events")
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

    def context(self) -> dict[str, Any]:
        names = EventType.objects.order_by("name").values_list("name", flat=True)
        return {
            "chosen": self.chosen,
            "names": names,
            "partner": self.request.GET.get("partner", ""),
        }

    def obstacle(self) -> HttpResponse | None:
        if self.request.method == "POST" and self.chosen is None:
            raise Http404
        return None

    def form_valid(self, form: PublishForm) -> HttpResponse:
        assert self.chosen is not None  # noqa: S101 - `obstacle` has looked
        try:
            event = events.publish(
                by=staff_actor(self.request),
                type=self.chosen.name,
                **form.fields_of_event(),
            ).event
        except events.InvalidEvent as invalid:
            # Field of the operation -> field of the form.
            fields = {"data": "payload", "attributes": "shop_id"}
            form.add_error(fields.get(invalid.field), invalid.message)
            return self.show(form, 422)
        if event.matched:
            messages.success(self.request, "Published. Its deliveries are below.")
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


class TypeDetail(Page):
    permission = "webhooks.view_eventtype"
    section = ("Event types", "event-types")
    template = "staff/events/type.html"

    @cached_property
    def event_type(self) -> EventType:
        if found := _type(self.kwargs["name"]):
            return found
        raise Http404

    @property
    def title(self) -> str:
        return f"Event type {self.event_type}"

    def context(self) -> dict[str, Any]:
        found, schema = self.event_type, self.event_type.schema
        names = {
            labels.dialect(profile.name): profile.name_of(found.name)
            for profile in wire.profiles().values()
        }
        return {
            "event_type": found,
            "example": untrusted_text.of_json(found.example),
            "schema": None if schema is None else untrusted_text.of_json(schema),
            "fault": event_schemas.fault(schema),
            "names": sorted(names.items()),
            "row": admin_row(found),
        }


def _type(name: str) -> EventType | None:
    """The type that an address names, if there is one."""
    return EventType.objects.filter(name=name).first()
