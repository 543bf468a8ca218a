"""The catalogue of event types: what each says, and in whose words it leaves."""

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from webhooks.console import labels, untrusted_text
from webhooks.delivery import wire
from webhooks.models import EventType
from webhooks.staff import links
from webhooks.staff.pages import Crumb, Page


def named(name: str) -> EventType | None:
    """The type that an address names, if there is one. PostgreSQL takes no NUL."""
    return EventType.objects.filter(name=name.replace("\0", "\ufffd")).first()


class EventTypes(Page):
    """All of them on one page: there are as many as the company has kinds of events."""

    permission = "webhooks.view_eventtype"
    template = "staff/events/types.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = EventType.objects.order_by("name").defer("example")
        return self.page("Event types", event_types=rows)


class One(Page):
    permission = "webhooks.view_eventtype"
    template = "staff/events/type.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        found = named(name)
        if found is None:
            raise Http404
        names = {
            labels.dialect(p.name): p.name_of(name) for p in wire.profiles().values()
        }
        return self.page(
            f"Event type {found.name}",
            under=(Crumb("Event types", reverse("staff:event-types")),),
            event_type=found,
            example=untrusted_text.of_json(found.example),
            schema=None
            if found.schema is None
            else untrusted_text.of_json(found.schema),
            names=sorted(names.items()),
            row=links.admin_row(found),
        )
