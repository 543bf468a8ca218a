"""What the audit log is filtered by."""

from typing import Any

from django import forms
from django.db.models import Q

from webhooks.console.filters import Filters
from webhooks.models import AuditEntry
from webhooks.staff.partners.forms import PartnerField


class AuditFilters(Filters):
    moment = "at"
    is_in_id = False

    partner = PartnerField(required=False)
    actor_kind = forms.ChoiceField(
        required=False,
        label="Changed by",
        choices=[("", "anybody"), *AuditEntry.ActorKind.choices],
    )
    actor = forms.CharField(required=False, label="Whose name contains", max_length=200)
    action = forms.CharField(required=False, label="Action contains", max_length=64)
    target = forms.CharField(
        required=False, label="Object: its id, or part of its name", max_length=300
    )

    def narrow(self, rows: Any) -> Any:
        rows = super().narrow(rows)
        if partner := self.cleaned_data["partner"]:
            rows = rows.filter(partner_id=partner.id)
        return rows

    def sift(self, rows: Any) -> Any:
        given = self.cleaned_data
        sieve = {
            "actor_kind": given["actor_kind"],
            "actor__icontains": given["actor"],
            "action__icontains": given["action"],
        }
        wanted = Q(**{column: value for column, value in sieve.items() if value})
        if target := given["target"]:
            wanted &= Q(target_id=target) | Q(target__icontains=target)
        return rows.filter(wanted) if wanted else rows
