"""Recoveries: raw rows. The console starts, watches and cancels them."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
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
        "page",
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

    @display(description="In the console")
    def page(self, recovery: Recovery) -> SafeString:
        address = reverse("staff:recovery", args=[recovery.pk])
        return format_html('<a href="{}" class="text-link">How it stands</a>', address)

    @display(description="Progress")
    def progress(self, recovery: Recovery) -> str:
        return f"{recovery.done} of {recovery.total}"
