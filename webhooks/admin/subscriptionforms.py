"""The form that changes a subscription."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
)

from webhooks.delivery import wire
from webhooks.models import EventType, Subscription
from webhooks.operations import subscriptions


class Lines(forms.CharField):
    """A list of texts, one a line; empty lines do not count."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        lines = [line.strip() for line in (super().to_python(value) or "").splitlines()]
        return list(dict.fromkeys(line for line in lines if line))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != self.to_python(data)


class EditSubscription(forms.ModelForm):  # type: ignore[type-arg]
    """Name, URLs, events and state, by the rules of the operation."""

    urls = Lines(
        label="URLs",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="One a line. Every event goes to each of them.",
    )
    events = forms.MultipleChoiceField(
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="In the words of its dialect.",
    )

    class Meta:
        model = Subscription
        fields = ("name", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "urls" in self.fields:  # not where the row may only be looked at
            self.initial["urls"] = self.instance.urls
            stored = self.instance.events or []
            self.initial["events"] = stored
            self.fields["events"].choices = [  # type: ignore[attr-defined]
                (name, name) for name in _event_names(self.instance.profile, stored)
            ]

    def clean_urls(self) -> list[str]:
        urls: list[str] = self.cleaned_data["urls"]
        for url in urls:
            try:
                subscriptions.check_url(url)
            except subscriptions.UrlRefused as refused:
                self.add_error("urls", f"{refused.url}: {refused.reason}")
        if len(urls) > subscriptions.MAX_ENDPOINTS:
            self.add_error(
                "urls",
                f"These are {len(urls)} URLs; a subscription has at most "
                f"{subscriptions.MAX_ENDPOINTS}.",
            )
        return urls


def _event_names(profile: str, stored: list[str]) -> list[str]:
    """What the dialect can say, and what this subscription lists beside it."""
    try:
        known = wire.profile(profile)
    except wire.UnknownProfile:
        return stored
    names = list(known.event_names.values())
    if known.passes_unknown:
        names += EventType.objects.order_by("name").values_list("name", flat=True)
    return list(dict.fromkeys([*names, *stored]))
