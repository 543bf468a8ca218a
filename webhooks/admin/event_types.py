"""The catalogue of event types, which staff edit here."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import display

from webhooks.console.actor import staff_actor
from webhooks.models import EventType
from webhooks.operations import event_types, eventchecks, limits

from .bounds import Bounded
from .counts import CountsOnce
from .once import ActsOnce


class BoundedJSONField(forms.JSONField):
    """JSON that is not nested deeper than what shows it and checks it can go down."""

    def to_python(self, value: Any) -> Any:
        read = super().to_python(value)
        if event_types.is_too_deep(read):
            raise ValidationError(
                f"It is nested deeper than {event_types.MAX_DEPTH} levels."
            )
        if eventchecks.has_nul(read):
            raise ValidationError("Strings must not contain the character U+0000.")
        return read

    def bound_data(self, data: Any, initial: Any) -> Any:
        read = super().bound_data(data, initial)
        return InvalidJSONInput(data) if event_types.is_too_deep(read) else read


class EventTypeForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = EventType
        fields = ("name", "description", "schema", "example")
        field_classes = {"schema": BoundedJSONField, "example": BoundedJSONField}

    def clean_example(self) -> Any:
        """An example that is left empty, or `null`, is an empty one."""
        example = self.cleaned_data["example"]
        return {} if example is None else example

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        # One that was longer before there was a limit stays, until it is changed.
        if "description" in self.changed_data:
            try:
                limits.check_lengths(limits.DESCRIPTION, data.get("description", ""))
            except limits.LimitReached as reached:
                self.add_error("description", str(reached))
        try:
            event_types.check(data.get("schema"), data.get("example"))
        except event_types.InvalidSchema as invalid:
            self.add_error("schema", str(invalid))
        except event_types.InvalidExample as invalid:
            self.add_error("example", str(invalid))
        return data


@admin.register(EventType)
class EventTypeAdmin(ActsOnce, Bounded, CountsOnce, ModelAdmin):
    actions = None
    form = EventTypeForm
    list_display = ("name", "description", "has_schema")
    list_per_page = 50
    ordering = ("name",)
    search_fields = ("name", "description")
    show_facets = None

    @display(description="Checked by a schema", boolean=True)
    def has_schema(self, event_type: EventType) -> bool:
        return event_type.schema is not None

    def view_on_site(self, event_type: EventType) -> str:
        return reverse("staff:event-type", args=[event_type.pk])

    def get_readonly_fields(
        self, request: HttpRequest, obj: EventType | None = None
    ) -> tuple[str, ...]:
        return ("name",) if obj else ()  # events and subscriptions refer to it by name

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (event_types.NameTaken, event_types.UnknownType):
            messages.error(
                request,
                "Somebody else changed this in the meantime. Nothing was saved.",
            )
            return redirect("admin:webhooks_eventtype_changelist")

    def save_model(
        self, request: HttpRequest, obj: EventType, form: EventTypeForm, change: bool
    ) -> None:
        write = event_types.update if change else event_types.create
        changed = form.changed_data if change else form.cleaned_data
        write(
            by=staff_actor(request),
            **{"name": obj.name, **{n: form.cleaned_data[n] for n in changed}},
        )

    def save_related(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: no other rows are edited with a type."""
