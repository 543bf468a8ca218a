"""The form that issues a key."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.utils import timezone
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextInputWidget,
)

from webhooks.models import ApiKey, Partner
from webhooks.operations import keys

SCOPES = {
    keys.READ: "Read webhook settings",
    keys.WRITE: "Change webhook settings",
    keys.REVEAL: "See signing secrets again",
    keys.MANAGE: "List, replace and revoke the partner's keys",
    keys.PUBLISH: "Publish events (publisher keys only)",
}


class IssueKey(forms.Form):
    """Whose key, and what it may do. `wanted()` is what `keys.issue` is told."""

    kind = forms.ChoiceField(
        label="Used by",
        choices=[
            (ApiKey.Kind.PARTNER, "A partner, to manage its webhooks"),
            (ApiKey.Kind.PUBLISHER, "One of our own systems, to publish events"),
        ],
        initial=ApiKey.Kind.PARTNER,
        widget=UnfoldAdminRadioSelectWidget(),
    )
    partner = forms.ModelChoiceField(
        queryset=Partner.objects.all(),
        required=False,
        help_text="Empty for a key that publishes events.",
    )
    name = forms.CharField(
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Where it will be used, such as “billing server”.",
    )
    scopes = forms.MultipleChoiceField(
        label="May",
        choices=list(SCOPES.items()),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Nothing chosen: everything that a key of its kind may do.",
    )
    shops = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Ids of shops, separated by commas, to bind the key to. Empty: all "
        "shops of the partner.",
    )
    expires_at = forms.DateTimeField(
        label="Expires (UTC)",
        required=False,
        widget=forms.DateTimeInput(
            format="%Y-%m-%dT%H:%M",
            attrs={"type": "datetime-local", "class": " ".join(INPUT_CLASSES)},
        ),
        help_text="Empty: the key is good until it is revoked.",
    )
    # The id that the key will have. One form can so issue one key, however often sent.
    key_id = forms.UUIDField(initial=uuid.uuid4, widget=forms.HiddenInput())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Partners are too many for a list; it asks the admin's own search.
        self.fields["partner"].widget = AutocompleteSelect(
            ApiKey._meta.get_field("partner"),
            admin.site,
            choices=self.fields["partner"].choices,  # type: ignore[attr-defined]
        )

    def clean_shops(self) -> list[str]:
        shops = [shop.strip() for shop in self.cleaned_data["shops"].split(",")]
        return [f"{keys.SHOP_PREFIX}{shop}" for shop in shops if shop]

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError("This moment has passed.")
        return expires_at

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("kind") == ApiKey.Kind.PARTNER and "partner" not in self.errors:
            if data.get("partner") is None:
                self.add_error("partner", "Choose the partner that will use the key.")
        elif data.get("partner") is not None:
            self.add_error(
                "partner", "A key that publishes events belongs to no partner."
            )
        try:
            keys.check_scopes(
                self._scopes(), for_publisher=data.get("kind") == ApiKey.Kind.PUBLISHER
            )
        except keys.UnknownScope as unknown:
            self.add_error("scopes", str(unknown))
        return data

    def wanted(self) -> dict[str, Any]:
        data = self.cleaned_data
        return {
            "id": data["key_id"],
            "partner": data["partner"],
            "name": data["name"],
            "scopes": self._scopes(),
            "expires_at": data["expires_at"],
        }

    def _scopes(self) -> list[str]:
        data = self.cleaned_data
        return [*data.get("scopes", ()), *data.get("shops", ())]
