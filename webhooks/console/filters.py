"""The filters of a list: a form whose values are in the address of the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone

from webhooks.models import ids

from .paging import with_changes

PERIODS = {
    "1h": ("the last hour", timedelta(hours=1)),
    "24h": ("the last 24 hours", timedelta(hours=24)),
    "7d": ("the last 7 days", timedelta(days=7)),
    "30d": ("the last 30 days", timedelta(days=30)),
}


class Moment(forms.DateTimeField):
    """A time in UTC, whatever its notation."""

    widget = forms.DateTimeInput(
        attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"
    )

    def clean(self, value: Any) -> datetime | None:
        moment: datetime | None = super().clean(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"]) from None


@dataclass(frozen=True)
class Chosen:
    """A filter that is set, and the address of the list without it."""

    label: str
    value: str
    without: str


class Filters(forms.Form):
    """By time; a list adds its own fields. None of them has to be filled in."""

    within = forms.ChoiceField(
        label="When",
        choices=[
            ("", "at any time"),
            *((name, label) for name, (label, _) in PERIODS.items()),
        ],
    )
    since = Moment(label="From (UTC)")
    until = Moment(label="Before (UTC)")

    # The column of the time, and whether it is also in the id.
    moment: ClassVar[str] = "created_at"
    is_in_id: ClassVar[bool] = True
    # Field of the form -> lookup of the query. The first are served by an index.
    indexed: ClassVar[Mapping[str, str]] = {}
    scanned: ClassVar[Mapping[str, str]] = {}

    def __init__(self, query: QueryDict) -> None:
        super().__init__(query)
        for field in self.fields.values():
            field.required = False
        self.order_fields([n for n in self.fields if n not in Filters.base_fields])

    def by_index(self, rows: Any) -> Any:
        """Filters by what an index serves."""
        given = self.cleaned_data
        since = given.get("since")
        if period := PERIODS.get(given.get("within", "")):
            start = timezone.now() - period[1]
            since = max(since, start) if since else start
        if since:
            rows = rows.filter(**{f"{self.moment}__gte": since})
            if self.is_in_id:
                rows = rows.filter(id__gte=ids.before(since))
        if until := given.get("until"):
            rows = rows.filter(**{f"{self.moment}__lt": until})
            if self.is_in_id:
                rows = rows.filter(id__lt=ids.after(until))
        return rows.filter(**self._lookups(self.indexed))

    def by_scan(self, rows: Any) -> Any:
        """Filters by what no index serves; `rows` itself when no such filter is set."""
        lookups = self._lookups(self.scanned)
        return rows.filter(**lookups) if lookups else rows

    def _lookups(self, fields: Mapping[str, str]) -> dict[str, Any]:
        return {
            lookup: value
            for field, lookup in fields.items()
            if (value := self.cleaned_data[field])
        }

    @property
    def is_active(self) -> bool:
        return any(self.chosen())

    def chosen(self) -> Iterator[Chosen]:
        for bound in self:
            if self.data.get(bound.html_name):
                yield Chosen(
                    label=str(bound.label),
                    value=_readable(bound),
                    without=with_changes(self.data, **{bound.html_name: None}),
                )


def _readable(bound: forms.BoundField) -> str:
    value = bound.value()
    if isinstance(bound.field, forms.ChoiceField):
        choices: Any = bound.field.choices
        return str(dict(choices).get(value, value))
    if isinstance(value, str):
        return value.replace("T", " ") if isinstance(bound.field, Moment) else value
    return str(value)
