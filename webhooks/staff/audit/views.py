"""The audit log: who changed what, and from what to what."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Func, JSONField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from webhooks.console import labels, paging
from webhooks.models import AuditEntry, Partner
from webhooks.staff.pages import List, Page, crumb

from . import diffs
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

    def context(self, listed: paging.Listed) -> dict[str, Any]:
        partners = _partners(listed.rows)
        return {
            "entries": [
                (entry, partners.get(entry.partner_id), _changed(entry))
                for entry in listed.rows
            ]
        }


class One(Page):
    permission = "webhooks.view_auditentry"
    template = "staff/audit/entry.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        entry = get_object_or_404(AuditEntry, id=id)
        return self.page(
            labels.action(entry.action),
            under=[crumb("Audit log", "audit")],
            entry=entry,
            partner=_partners([entry]).get(entry.partner_id),
            changes=diffs.of(entry.before, entry.after),
        )


def _partners(entries: Iterable[AuditEntry]) -> dict[UUID | None, Partner]:
    """By id. An entry outlives its partner, so some may be missing."""
    ids = {entry.partner_id for entry in entries if entry.partner_id}
    return dict(Partner.objects.in_bulk(ids)) if ids else {}


def _changed(entry: Any) -> str:
    fields = dict.fromkeys([*(entry.fields_before or ()), *(entry.fields_after or ())])
    return ", ".join(name.replace("_", " ") for name in fields)


class FieldNames(Func):
    """A list of names; None or empty where there is no object. A value may be a megabyte of
    a partner's, and none of it leaves the database."""

    arity = 1
    output_field = JSONField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template=_SQLITE, **more)

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template=_POSTGRESQL, **more)


_SQLITE = """(
    SELECT json_group_array(key) FROM json_each(
        CASE json_type(%(expressions)s) WHEN 'object' THEN %(expressions)s END)
)"""
_POSTGRESQL = """(
    SELECT jsonb_agg(name) FROM jsonb_object_keys(
        CASE jsonb_typeof(%(expressions)s) WHEN 'object' THEN %(expressions)s END) AS name
)"""
