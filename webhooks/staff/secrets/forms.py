"""How a signing secret is replaced."""

from datetime import timedelta

from django import forms

from webhooks.operations import overlaps

OVERLAPS = {
    "0": ("not at all: it ends now", timedelta(0)),
    "1h": ("one hour", timedelta(hours=1)),
    "24h": ("24 hours", overlaps.DEFAULT),
    "7d": ("7 days", overlaps.MAX),
}


class Rotation(forms.Form):
    overlap = forms.ChoiceField(
        label="For how long the older secret goes on signing",
        initial="24h",
        widget=forms.RadioSelect,
        choices=[(name, says) for name, (says, _) in OVERLAPS.items()],
    )
    # The newest secret when the form was made, so that one form rotates once.
    replacing = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def clean_overlap(self) -> timedelta:
        return OVERLAPS[self.cleaned_data["overlap"]][1]
