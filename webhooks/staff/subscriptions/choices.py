"""Fields of many values: lines of text, and events that are chosen from a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

_NUL = "Null characters are not allowed."


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


class Lines(forms.CharField):
    """A list of texts, one a line; empty lines do not count."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return lines_of(super().clean(value) or "")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != lines_of(data or "")


class Line(forms.CharField):
    """A text as it is; a browser takes the line feeds out of it, which is no change."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return "".join((initial or "").splitlines()) != (data or "")


@dataclass(frozen=True)
class Chosen:
    """What a browser sends of a list of events."""

    names: Sequence[str] = ()
    others: str = ""
    is_every: bool = False


class Boxes(forms.Widget):
    """Read from three inputs; staff/subscriptions/setting.html draws them."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Chosen:
        return Chosen(
            names=data.getlist(name),
            others=data.get(f"{name}-others", "").replace("\r\n", "\n"),
            is_every=f"{name}-every" in data,
        )


class Events(forms.Field):
    """Names of a list, others where it is open, or every one where it may be none.

    The order in which a subscription lists what it keeps is its owner's, and stays.
    """

    widget = Boxes

    def __init__(
        self, *, listed: Sequence[str], none_is_every: bool, **options: Any
    ) -> None:
        super().__init__(**options)
        self.listed = frozenset(listed)
        self.none_is_every = none_is_every

    def prepare_value(self, value: Any) -> Chosen:
        if isinstance(value, Chosen):
            return value
        return Chosen(
            names=[name for name in value or () if name in self.listed],
            others="\n".join(self._others(value or ())),
            is_every=self.none_is_every and value is None,
        )

    def clean(self, value: Chosen) -> list[str] | None:
        if self.none_is_every and value.is_every:
            return None
        stored: list[str] = self.initial or []
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
        if self.none_is_every:
            return bool(chosen != initial)
        return (chosen or []) != (initial or [])

    def _others(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name not in self.listed]
