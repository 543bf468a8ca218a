"""Setting the limits of one partner."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import HttpResponse

from webhooks.console.actor import staff_actor
from webhooks.operations import limits, partners
from webhooks.staff.pages import FormPage

from . import overview
from .views import PartnerPage


class LimitsForm(forms.Form):
    """A number for each limit; an empty one is as the settings say."""

    seen = forms.JSONField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, *args: Any, rows: Sequence[overview.LimitRow], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for row in rows:
            has = f"It has {row.used:,} now. " if row.used is not None else ""
            self.fields[row.limit.name] = forms.IntegerField(
                label=row.label,
                required=False,
                min_value=0,
                max_value=limits.MOST,
                help_text=f"{has}Empty: {row.limit.default:,}, as for every partner.",
            )

    @property
    def overrides(self) -> Mapping[str, int]:
        given = {each.name: self.cleaned_data[each.name] for each in limits.EVERY}
        return {name: number for name, number in given.items() if number is not None}


class EditLimits(PartnerPage, FormPage):
    permission = "webhooks.change_partner"
    form_class = LimitsForm
    act = "Save"
    lead = (
        "How much this partner may have and ask for. What it has beyond a lower number stays "
        "and can be changed and deleted; it gets no more until it is below."
    )

    @property
    def title(self) -> str:
        return f"Limits of {self.partner}"

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"rows": overview.limit_rows(self.partner)}

    def get_initial(self) -> dict[str, Any]:
        stored = self.partner.limits or {}
        return {**stored, "seen": stored}

    def form_valid(self, form: LimitsForm) -> HttpResponse:
        try:
            partners.update(
                by=staff_actor(self.request),
                partner=self.partner,
                seen={"limits": form.cleaned_data["seen"] or {}},
                limits=form.overrides,
            )
        except partners.Overtaken:
            form.add_error(
                None,
                "Somebody else has changed the limits meanwhile. Nothing was saved: open "
                "this page anew.",
            )
            return self.show(form, 409)
        return self.leave("Saved.")
