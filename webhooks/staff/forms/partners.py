"""A partner, as somebody types one."""

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError

from webhooks.models import Partner

_MOST_NAMED = 5


class PartnerField(forms.CharField):
    """Takes an id, a name, or so much of a name that it fits one partner only."""

    found: Partner | None = None

    def clean(self, value: Any) -> Partner | None:
        text = super().clean(value)
        self.found = self._partner(text) if text else None
        return self.found

    def bound_data(self, data: Any, initial: Any) -> Any:
        """An id in the address is shown as the name it stands for."""
        return self.found.name if self.found else super().bound_data(data, initial)

    def _partner(self, text: str) -> Partner:
        try:
            found = list(Partner.objects.filter(id=UUID(text)))
        except ValueError:
            found = _named(text)
        if not found:
            raise ValidationError("There is no such partner.")
        if len(found) > 1:
            names = ", ".join(p.name for p in found[:_MOST_NAMED])
            more = " and more" if len(found) > _MOST_NAMED else ""
            raise ValidationError(f"Several partners fit: {names}{more}.")
        return found[0]


def _named(text: str) -> list[Partner]:
    rows = Partner.objects.order_by("name")
    return list(rows.filter(name__iexact=text)[: _MOST_NAMED + 1]) or list(
        rows.filter(name__icontains=text)[: _MOST_NAMED + 1]
    )
