"""Fields of the settings forms that Django does not have: lines of text, and events from a list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from webhooks.delivery.wire import WireProfile
from webhooks.models import EventType

MANY = 12
"""Events from which on they are shown by family: those that begin with the same word."""

_NUL = "Null characters are not allowed."
_BOTH = "Choose either every event or only these: below are events that are ticked."
_NEITHER = "Choose every event, or only these."


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


class Line(forms.CharField):
    """A text as it is; a browser takes the line feeds out of it, which is no change."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return "".join((initial or "").splitlines()) != (data or "")


class Lines(forms.CharField):
    """A list of texts, one a line; empty lines do not count."""

    def __init__(self, *, rows: int = 4, **options: Any) -> None:
        attrs = {"rows": rows, "spellcheck": "false", "autocomplete": "off"}
        super().__init__(widget=forms.Textarea(attrs), **options)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return lines_of(super().clean(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != lines_of(data or "")


class Urls(Lines):
    """A list of URLs."""


class Url(forms.CharField):
    """A URL as text: what a URL has to be, its interface says."""

    def __init__(self, **options: Any) -> None:
        attrs = {"inputmode": "url", "spellcheck": "false", "autocomplete": "off"}
        super().__init__(widget=forms.TextInput(attrs), **options)


# --- Events ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Option:
    name: str
    description: str
    id: str
    is_chosen: bool


@dataclass(frozen=True)
class Family:
    name: str  # empty where there is one
    options: Sequence[Option]

    @property
    def chosen(self) -> int:
        return sum(option.is_chosen for option in self.options)


def families(options: Sequence[Option]) -> list[Family]:
    """The options by their first word, where they are many and share some."""
    found: dict[str, list[Option]] = {}
    for option in options:
        found.setdefault(option.name.partition(".")[0], []).append(option)
    if len(options) <= MANY or 2 * len(found) > len(options):
        return [Family("", options)]
    return [Family(name, together) for name, together in found.items()]


class _Choices(forms.Widget):
    """Events to choose from, in a box of bounded height."""

    template_name = "rest/events.html"
    use_fieldset = True
    input_type: ClassVar[str]
    # Name -> description.
    described: dict[str, str]
    every_label = ""

    def options(self, chosen: Iterable[str], id: str) -> list[Option]:
        names = frozenset(chosen)
        return [
            Option(name, description, f"{id}_{number}", name in names)
            for number, (name, description) in enumerate(self.described.items())
        ]

    def id_for_label(self, id_: str | None) -> str:
        return ""  # a fieldset has a legend

    def render(
        self, name: str, value: Any, attrs: Any = None, renderer: Any = None
    ) -> SafeString:
        # By the site's templates: those of Django's forms do not look there.
        context = self.get_context(name, value, attrs)
        return render_to_string(self.template_name, context)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        options = self.options(self.chosen(value), context["widget"]["attrs"]["id"])
        context["widget"] |= {
            "input_type": self.input_type,
            "families": families(options),
            "is_long": len(options) > MANY,
            "every_label": self.every_label,
        }
        return context

    def chosen(self, value: Any) -> Iterable[str]:
        raise NotImplementedError


class EventsOfProfile(forms.Field):
    """`load` reads what may be chosen: once for a form, with its descriptions."""

    widget: type[_Choices] | _Choices

    def __init__(self, profile: WireProfile, **options: Any) -> None:
        super().__init__(**options)
        self.profile = profile
        self.widget.described = {}

    def load(self, stored: Sequence[str] | None) -> None:
        described = dict(
            EventType.objects.order_by("name").values_list("name", "description")
        )
        if names := self.profile.event_names:
            self.listed = {name: described.get(t, "") for t, name in names.items()}
        else:
            self.listed = described
        self.listed.pop(self.profile.every_event, None)
        self.widget.described = self.listed


class _OneEvent(_Choices):
    input_type = "radio"

    def chosen(self, value: Any) -> Iterable[str]:
        return [value or ""]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["is_every"] = not value
        return context


class OneEvent(EventsOfProfile):
    """One name of the list, or none; `every_label` says what none means."""

    widget = _OneEvent

    def __init__(
        self, profile: WireProfile, *, every_label: str, **options: Any
    ) -> None:
        super().__init__(profile, **options)
        self.widget.every_label = every_label


@dataclass(frozen=True)
class Chosen:
    """A list of events as a browser sends it."""

    names: Sequence[str] = ()
    others: str = ""
    # `every`, `only`, or nothing. Required where every event can be chosen.
    scope: str = ""


class _ManyEvents(_Choices):
    input_type = "checkbox"
    is_open = False

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Chosen:
        return Chosen(
            names=data.getlist(name),
            others=data.get(f"{name}-others", "").replace("\r\n", "\n"),
            scope=data.get(f"{name}-scope", ""),
        )

    def chosen(self, value: Chosen) -> Iterable[str]:
        return value.names

    def get_context(self, name: str, value: Chosen, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"] |= {
            "has_scope": bool(self.every_label),
            "scope": value.scope,
            "is_open": self.is_open,
            "others": value.others,
        }
        return context


class Events(EventsOfProfile):
    """Names of the list; others where the profile sends any type; every event where
    the profile has a value for that.

    The order in which a subscription lists what it keeps is its owner's, and stays.
    """

    widget = _ManyEvents

    def __init__(
        self,
        profile: WireProfile,
        *,
        every_label: str = "Every event, also of future types",
        **options: Any,
    ) -> None:
        super().__init__(profile, **options)
        self.is_open = self.widget.is_open = profile.passes_unknown
        self.has_every = profile.null_is_every or bool(profile.every_event)
        self.widget.every_label = every_label if self.has_every else ""

    def load(self, stored: Sequence[str] | None) -> None:
        super().load(stored)
        if not self.is_open:
            for name in stored or ():
                if name != self.profile.every_event:
                    self.listed.setdefault(name, "")

    def prepare_value(self, value: Any) -> Chosen:
        if isinstance(value, Chosen):
            return value
        if self.profile.is_every(value):
            return Chosen(scope="every")
        return Chosen(
            names=[name for name in value or () if name in self.listed],
            others="\n".join(self._others(value or ())),
            scope="only" if self.has_every else "",
        )

    def clean(self, value: Chosen) -> list[str] | None:
        if self.has_every and value.scope == "every":
            if value.names or value.others.strip():
                raise ValidationError(_BOTH)
            return self._every()
        if self.has_every and value.scope != "only":
            raise ValidationError(_NEITHER)
        # A subscription to every event becomes one to the chosen events only.
        is_every = self.profile.is_every(self.initial)
        stored: list[str] = [] if is_every else self.initial or []
        others = self._others(stored)
        # Only lines that were touched are read: a name may be of spaces, or of two lines.
        if value.others != "\n".join(others):
            others = lines_of(value.others)
        chosen = [*value.names, *others]
        if any("\0" in name for name in chosen):
            raise ValidationError(_NUL)
        # As sets: a partner lists tens of thousands where the list is open.
        were, are = frozenset(stored), frozenset(chosen)
        kept = [name for name in stored if name in are]
        return kept + [name for name in dict.fromkeys(chosen) if name not in were]

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            chosen = self.clean(data)
        except ValidationError:
            return True
        if self.has_every and self.profile.is_every(chosen):
            return not self.profile.is_every(initial)
        return (chosen or []) != (initial or []) or (
            self.has_every and self.profile.is_every(initial)
        )

    def _every(self) -> list[str] | None:
        """The stored value of a new choice of every event; an older value stays."""
        if self.profile.is_every(self.initial):
            every: list[str] | None = self.initial
            return every
        return None if self.profile.null_is_every else [self.profile.every_event]

    def _others(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name not in self.listed]
