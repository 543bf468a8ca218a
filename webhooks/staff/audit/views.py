"""The audit log: who changed what, and from what to what."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from webhooks.console import paging
from webhooks.models import AuditEntry, Partner
from webhooks.staff.pages import Crumb, List, Page

from . import diffs
from .fieldnames import FieldNames
from .forms import AuditFilters


class Audit(List):
    permission = "webhooks.view_auditentry"
    title = "Audit log"
    template = "staff/audit/list.html"
    filters = AuditFilters
    keyset = paging.Keyset("at", "id")

    def rows(self) -> Any:
        return AuditEntry.objects.defer("before", "after").annotate(
            fields_before=FieldNames("before"), fields_after=FieldNames("after")
        )

    def more(self, listed: paging.Listed) -> dict[str, Any]:
        names = _partners(listed.rows)
        return {
            "entries": [
                (
                    entry,
                    names.get(entry.partner_id),
                    _named([*(entry.fields_before or ()), *(entry.fields_after or ())]),
                )
                for entry in listed.rows
            ]
        }


class One(Page):
    permission = "webhooks.view_auditentry"
    template = "staff/audit/entry.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        entry = AuditEntry.objects.filter(id=id).first()
        if entry is None:
            raise Http404
        return self.page(
            f"Change {entry.action}",
            under=(Crumb("Audit log", reverse("staff:audit")),),
            entry=entry,
            partner=_partners([entry]).get(entry.partner_id),
            changes=diffs.of(entry.before, entry.after),
        )


def _partners(entries: Iterable[AuditEntry]) -> dict[UUID | None, Partner]:
    """By id. An entry outlives its partner, so some may be missing."""
    ids = {entry.partner_id for entry in entries if entry.partner_id}
    return dict(Partner.objects.in_bulk(ids)) if ids else {}


def _named(fields: Iterable[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in dict.fromkeys(fields))
