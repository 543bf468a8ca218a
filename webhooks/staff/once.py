"""Forms that make one thing, however often they are sent."""

from django import forms

_STALE = (
    "Nothing was sent: this page was open for too long. See that it still says what you "
    "want, and send it again."
)


class Once(forms.Form):
    # The id that the new row will have; the tag `once` writes it.
    id = forms.UUIDField(
        required=False,
        widget=forms.HiddenInput,
        error_messages={"invalid": _STALE},
    )

    def refuse_id(self) -> None:
        """Say that no new row may have this id; the page has another by now."""
        self.add_error("id", _STALE)
