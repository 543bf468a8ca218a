"""The audit log: only looked at."""

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from webhooks.console import untrusted_text
from webhooks.models import AuditEntry

from .rows import Log, block


@admin.register(AuditEntry)
class AuditEntryAdmin(Log):
    list_display = ("at", "actor", "action", "target", "dialect", "address")
    list_filter = (("actor_kind", ChoicesDropdownFilter),)
    list_filter_submit = True
    search_fields = ("actor", "action", "target", "target_id")
    search_help_text = (
        "An actor, an action, an object, or the id of an object or partner"
    )
    searched_ids = ("id", "partner_id")
    fields = (
        "at", "actor", "actor_kind", "address", "action", "target", "target_type",
        "target_id", "partner_id", "dialect", "was", "became",
    )  # fmt: skip
    readonly_fields = fields

    @display(description="IP")
    def address(self, entry: AuditEntry) -> str | None:
        return entry.ip

    @display(description="Before")
    def was(self, entry: AuditEntry) -> SafeString:
        return block(_indented(entry.before))

    @display(description="After")
    def became(self, entry: AuditEntry) -> SafeString:
        return block(_indented(entry.after))


def _indented(fields: Any) -> str:
    if fields is None:
        return "(nothing)"
    return untrusted_text.of_json(fields)
