"""Forms that make one row, however often they are sent."""

from typing import Any

from django import forms

from webhooks.models import ids

_STALE = (
    "Nothing was sent: this page was open for too long. See that it still says what you "
    "want, and send it again."
)


class _NewId(forms.HiddenInput):
    def format_value(self, value: Any) -> str:
        """A new id each time: a form that was refused has made no row."""
        return str(ids.time_ordered())


class OnceForm(forms.Form):
    """Carries the id that the new row will have: the second time, it is there already."""

    id = forms.UUIDField(
        widget=_NewId, error_messages={"invalid": _STALE, "required": _STALE}
    )

    def refuse_id(self) -> None:
        """Say that no new row may have this id; the page has another by now."""
        self.add_error("id", _STALE)
