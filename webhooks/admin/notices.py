"""Mails to partners, owed, sent and given up: only looked at."""

from django.contrib import admin
from unfold.decorators import display

from webhooks.models import Notice

from .rows import Log

STATES = {"owed": "info", "sent": "success", "given up": "danger"}


@admin.register(Notice)
class NoticeAdmin(Log):
    list_display = ("created_at", "partner", "kind", "to", "stands", "attempts")
    list_select_related = ("partner",)
    search_fields = ("partner__name", "to")
    searched_ids = ("id", "partner")
    fields = (
        "partner",
        "kind",
        "to",
        "stands",
        "attempts",
        "error",
        "context",
        "created_at",
        "due_at",
        "sent_at",
        "id",
    )
    readonly_fields = fields

    @display(description="State", label=STATES)
    def stands(self, notice: Notice) -> str:
        if notice.sent_at is not None:
            return "sent"
        return "given up" if notice.due_at is None else "owed"
