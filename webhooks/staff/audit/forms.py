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
    actor = forms.CharField(required=False, label="Actor contains", max_length=200)
    action = forms.CharField(required=False, label="Action contains", max_length=64)
    target = forms.CharField(
        required=False, label="Object: its id, or part of its name", max_length=300
    )

    scanned = {
        "actor_kind": "actor_kind",
        "actor": "actor__icontains",
        "action": "action__icontains",
    }

    def by_index(self, rows: Any) -> Any:
        rows = super().by_index(rows)
        if partner := self.cleaned_data["partner"]:
            rows = rows.filter(partner_id=partner.id)
        return rows

    def by_scan(self, rows: Any) -> Any:
        if target := self.cleaned_data["target"]:
            rows = rows.filter(Q(target_id=target) | Q(target__icontains=target))
        return super().by_scan(rows)
