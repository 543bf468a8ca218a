"""Recoveries: only looked at."""

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from webhooks.models import Recovery

from .rows import ReadOnlyRows

STATES = {
    "Running": "info",
    "Done": "success",
    "Cancelled": "warning",
}


@admin.register(Recovery)
class RecoveryAdmin(ReadOnlyRows):
    list_display = (
        "created_at",
        "partner",
        "stands",
        "progress",
        "actor",
        "finished_at",
    )
    list_select_related = ("partner",)
    list_filter = (("state", ChoicesDropdownFilter),)
    list_filter_submit = True
    search_fields = ("partner__name", "actor")
    searched_ids = ("id", "partner")
    ordering = ("-id",)
    fields = (
        "partner",
        "stands",
        "progress",
        "filter",
        "is_rerendered",
        "actor",
        "created_at",
        "started_at",
        "finished_at",
        "id",
    )
    readonly_fields = fields

    @display(description="State", label=STATES)
    def stands(self, recovery: Recovery) -> str:
        return recovery.get_state_display()

    @display(description="Progress")
    def progress(self, recovery: Recovery) -> str:
        return f"{recovery.done} of {recovery.total}"
