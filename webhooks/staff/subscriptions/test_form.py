"""What a subscription is tested with."""

from collections.abc import Sequence
from typing import Any

from django import forms

from webhooks.staff.once import Once

from .wanted import Name

_LONGEST = 70


class Trial(Once):
    type = forms.ChoiceField(label="Event")

    def __init__(self, *args: Any, names: Sequence[Name], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["type"].choices = [  # type: ignore[attr-defined]
            (name.type, _label(name)) for name in names
        ]


def _label(name: Name) -> str:
    if not name.description:
        return name.text
    return f"{name.text}: {name.description}"[:_LONGEST]
