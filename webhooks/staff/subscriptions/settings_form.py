"""The form of a subscription's settings, drawn from what its desk says they are.

It reads types alone: what a value has to be, the desk says, in its dialect's words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django import forms

from webhooks.models import Partner, Subscription
from webhooks.rest.desks import Desk
from webhooks.rest.settings import Choice, Field, Group, Kind
from webhooks.staff.partners.forms import PartnerField

from .choices import Events, Line, Lines

MANY = 12
"""Events from which on they are shown by family."""


class Where(forms.Form):
    """Whose subscription it will be, and in which dialect."""

    partner = PartnerField(
        help_text="Its name, so much of it that one fits, or its id."
    )
    dialect = forms.ChoiceField(help_text="The API in which the partner will see it.")

    def __init__(self, desks: Sequence[Desk], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dialect"].choices = [  # type: ignore[attr-defined]
            (desk.slug, desk.title) for desk in desks
        ]


@dataclass(frozen=True)
class Option:
    choice: Choice
    is_chosen: bool
    id: str


@dataclass(frozen=True)
class Family:
    name: str  # empty where there is one
    options: Sequence[Option]


@dataclass(frozen=True)
class Row:
    """A field of the form, and what its kind is drawn from."""

    field: Field
    bound: forms.BoundField
    families: Sequence[Family] = ()
    # What it is now, where somebody else changed it meanwhile.
    present: str | None = None


@dataclass(frozen=True)
class Section:
    group: Group
    rows: Sequence[Row]


class Settings(forms.Form):
    """The settings of a new subscription, or of one that is there."""

    def __init__(
        self,
        desk: Desk,
        partner: Partner,
        subscription: Subscription | None = None,
        data: Any = None,
    ) -> None:
        super().__init__(data, initial=desk.initial(subscription))
        self.desk, self.subscription = desk, subscription
        self.described = list(desk.fields(partner, subscription))
        self.overtaken = False
        for field in self.described:
            self.fields[field.name] = _form_field(field, self.initial[field.name])

    def given(self) -> dict[str, Any]:
        """The values for the desk: of one that is there, those that were changed."""
        if self.subscription is None:
            return dict(self.cleaned_data)
        return {name: self.cleaned_data[name] for name in self.changed_data}

    def refuse(self, errors: Mapping[str, list[str]]) -> None:
        for name, messages in errors.items():
            for message in messages:
                self.add_error(name if name in self.fields else None, message)

    @property
    def changes_urls(self) -> bool:
        kinds = {field.name: field.kind for field in self.described}
        return any(kinds[name] in (Kind.URL, Kind.URLS) for name in self.changed_data)

    @property
    def lacks_key(self) -> bool:
        """Whether it is bound to a key and there is none to choose."""
        return any(f.kind is Kind.KEY and not f.choices for f in self.described)

    def sections(self) -> Iterator[Section]:
        for group, fields in groupby(self.described, key=lambda field: field.group):
            yield Section(group, [self._row(field) for field in fields])

    def _row(self, field: Field) -> Row:
        bound = self[field.name]
        present = None
        if self.overtaken and field.name in self.changed_data:
            present = _in_words(self.initial[field.name], field)
        return Row(field, bound, _families(field, bound), present)


def seen(text: str) -> datetime | None:
    """The moment that a form carries; None of anything else."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _form_field(field: Field, initial: Any) -> forms.Field:
    options: dict[str, Any] = {
        "required": False,
        "label": field.label,
        "initial": initial,
    }
    match field.kind:
        case Kind.URLS:
            return Lines(**options)
        case Kind.SECRETS:
            attrs = {"rows": 2, "spellcheck": "false", "autocomplete": "off"}
            return Lines(widget=forms.Textarea(attrs=attrs), **options)
        case Kind.EVENTS:
            listed = [choice.value for choice in field.choices]
            return Events(
                listed=listed, none_is_every=bool(field.none_means), **options
            )
        case Kind.FLAG:
            return forms.BooleanField(**options)
        case Kind.NUMBER:
            return forms.IntegerField(**options)
        case Kind.KEY:
            none = ("", "Choose a key")
            keys = [none, *((each.value, each.label) for each in field.choices)]
            return forms.CharField(widget=forms.Select(choices=keys), **options)
        case Kind.URL:
            attrs = {"inputmode": "url", "spellcheck": "false", "autocomplete": "off"}
            return forms.CharField(widget=forms.TextInput(attrs=attrs), **options)
        case _:
            return Line(**options)


def _families(field: Field, bound: forms.BoundField) -> list[Family]:
    if field.kind not in (Kind.EVENT, Kind.EVENTS):
        return []
    value = bound.value()
    chosen = [value or ""] if field.kind is Kind.EVENT else value.names
    options = [
        Option(choice, choice.value in chosen, f"{bound.auto_id}_{number}")
        for number, choice in enumerate(field.choices)
    ]
    if len(options) <= MANY:
        return [Family("", options)]
    families: dict[str, list[Option]] = {}
    for option in options:
        families.setdefault(option.choice.value.partition(".")[0], []).append(option)
    return [Family(name, found) for name, found in families.items()]


def _in_words(value: Any, field: Field) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return str(value or field.none_means or "nothing")
