"""Events, only looked at, and the catalogue of their types."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from webhooks.console import untrusted_text
from webhooks.console.actor import staff_actor
from webhooks.models import Delivery, Event, EventType
from webhooks.operations import event_types

from .deliveries import STATES
from .rows import Log, ReadOnlyTable, Rows, block


class Deliveries(ReadOnlyTable):
    model = Delivery
    fields = ("page", "url", "stands", "attempts", "last_status", "settled_at")
    readonly_fields = fields
    ordering = ("id",)
    per_page = 20

    @display(description="State", label=STATES)
    def stands(self, delivery: Delivery) -> str:
        return delivery.get_state_display()


class MatchedFilter(admin.SimpleListFilter):
    title = "matched"
    parameter_name = "matched"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Somebody was told"), ("no", "Nobody was told")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "yes":
                return queryset.filter(matched__gt=0)
            case "no":
                return queryset.filter(matched=0)
            case _:
                return queryset


@admin.register(Event)
class EventAdmin(Log):
    list_display = ("created_at", "type", "partner", "told", "id")
    list_select_related = ("partner",)
    list_filter = (MatchedFilter, ("partner", AutocompleteSelectFilter))
    list_filter_submit = True
    search_fields = ("partner__name", "type", "idempotency_key")
    searched_ids = ("id", "partner")
    fields = (
        "type",
        "partner",
        "told",
        "payload",
        "attributes",
        "idempotency_key",
        "occurred_at",
        "created_at",
        "id",
    )
    readonly_fields = fields
    inlines = (Deliveries,)

    @display(description="Told")
    def told(self, event: Event) -> str:
        if event.matched:
            return f"{event.matched} subscription{'' if event.matched == 1 else 's'}"
        return f"nobody: {event.unmatched_reason}"

    @display(description="Data")
    def payload(self, event: Event) -> SafeString:
        return block(untrusted_text.of_json(event.data))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        found: QuerySet[Event] = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.kwargs:
            return found
        return found.defer("data", "attributes")


class EditEventType(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = EventType
        fields = ("name", "description", "schema", "example")

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        try:
            event_types.check(data.get("schema"), data.get("example"))
        except event_types.InvalidSchema as invalid:
            self.add_error("schema", str(invalid))
        except event_types.InvalidExample as invalid:
            self.add_error("example", str(invalid))
        return data


@admin.register(EventType)
class EventTypeAdmin(Rows):
    form = EditEventType
    list_display = ("name", "description", "has_schema")
    search_fields = ("name", "description")
    searched_ids = ()
    ordering = ("name",)
    fields = ("name", "description", "schema", "example")
    overtaken = (event_types.NameTaken, event_types.Gone)

    @display(description="Checked by a schema", boolean=True)
    def has_schema(self, event_type: EventType) -> bool:
        return event_type.schema is not None

    def get_readonly_fields(
        self, request: HttpRequest, obj: EventType | None = None
    ) -> tuple[str, ...]:
        return ("name",) if obj else ()  # events and subscriptions know it by its name

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: EventType, form: EditEventType, change: bool
    ) -> None:
        write = event_types.update if change else event_types.create
        changed = form.changed_data if change else form.cleaned_data
        write(
            by=staff_actor(request),
            now=timezone.now(),
            **{"name": obj.name, **{n: form.cleaned_data[n] for n in changed}},
        )
