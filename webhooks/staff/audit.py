"""The audit log: the list of entries, and one entry with the values before and after."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Func, JSONField, Q
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property

from webhooks.console import labels, paging, untrusted_text
from webhooks.console.filters import Filters
from webhooks.models import AuditEntry, Partner

from .pages import List, Page
from .partners.forms import PartnerField

MOST_COMPARED = 1_000
"""Lines of a field, on both sides together, that are compared in their order. That takes time
by the square of their number, and a partner decides how many there are."""


class AuditFilters(Filters):
    moment = "at"
    is_in_id = False

    partner = PartnerField()
    actor_kind = forms.ChoiceField(
        label="Changed by",
        choices=[("", "anybody"), *AuditEntry.ActorKind.choices],
    )
    actor = forms.CharField(label="Actor contains", max_length=200)
    action = forms.CharField(label="Action contains", max_length=64)
    ip = forms.GenericIPAddressField(label="From the address")
    target = forms.CharField(
        label="Object: its id, or part of its name", max_length=300
    )

    scanned = {
        "actor_kind": "actor_kind",
        "actor": "actor__icontains",
        "action": "action__icontains",
        "ip": "ip",
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

    def context(self) -> dict[str, Any]:
        entries = self.listed.rows
        partners = _partners(entries)
        return {
            "entries": [(e, partners.get(e.partner_id), _changed(e)) for e in entries]
        }


class Detail(Page):
    permission = "webhooks.view_auditentry"
    section = ("Audit log", "audit")
    template = "staff/audit/entry.html"

    @cached_property
    def entry(self) -> AuditEntry:
        return get_object_or_404(AuditEntry, id=self.kwargs["id"])

    @property
    def title(self) -> str:
        return labels.action(self.entry.action)

    def context(self) -> dict[str, Any]:
        return {
            "entry": self.entry,
            "partner": _partners([self.entry]).get(self.entry.partner_id),
            "changes": changes(self.entry.before, self.entry.after),
        }


def _partners(entries: Iterable[AuditEntry]) -> dict[UUID | None, Partner]:
    """By id. An entry outlives its partner, so some may be missing."""
    ids = {entry.partner_id for entry in entries if entry.partner_id}
    return dict(Partner.objects.in_bulk(ids)) if ids else {}


def _changed(entry: Any) -> str:
    fields = dict.fromkeys([*(entry.fields_before or ()), *(entry.fields_after or ())])
    return ", ".join(name.replace("_", " ") for name in fields)


class FieldNames(Func):
    """The names of an object's fields; None or empty where there is no object. A value may be
    a megabyte of a partner's, and none of it leaves the database."""

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


# --- Before and after, field by field -------------------------------------------------


@dataclass(frozen=True)
class Line:
    kind: str  # removed, added or same
    text: str


@dataclass(frozen=True)
class Change:
    field: str
    lines: list[Line]


def changes(before: Any, after: Any) -> list[Change]:
    """The fields that differ. A creation only adds, a deletion only removes."""
    former = before if isinstance(before, Mapping) else {}
    latter = after if isinstance(after, Mapping) else {}
    return [
        Change(
            field.replace("_", " "),
            list(_compared(_written(former, field), _written(latter, field))),
        )
        for field in dict.fromkeys([*former, *latter])
    ]


def _compared(before: Sequence[str], after: Sequence[str]) -> Iterator[Line]:
    if len(before) + len(after) > MOST_COMPARED:
        were, are = set(before), set(after)
        yield from (Line("removed", text) for text in before if text not in are)
        for text in after:
            yield Line("same" if text in were else "added", text)
        return
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for act, first, last, start, end in matcher.get_opcodes():
        if act == "equal":
            yield from (Line("same", text) for text in before[first:last])
        else:
            yield from (Line("removed", text) for text in before[first:last])
            yield from (Line("added", text) for text in after[start:end])


def _written(values: Mapping[str, Any], field: str) -> list[str]:
    """A value in lines; a list or an object has one for each of its parts."""
    if field not in values:
        return []
    value = values[field]
    if isinstance(value, str):
        text = untrusted_text.readable(value)
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = "\n".join(untrusted_text.readable(item) for item in value)
    else:
        # Not orjson: PostgreSQL spells a 1e30 out, and no integer of orjson's is as long.
        text = untrusted_text.readable(json.dumps(value, indent=2, ensure_ascii=False))
    return text.split("\n") or [""]
