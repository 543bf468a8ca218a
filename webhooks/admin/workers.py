"""The delivery workers, by their own word: only looked at."""

from django.contrib import admin
from django.utils import timezone
from unfold.decorators import display

from webhooks.delivery.heartbeat import SILENT_AFTER
from webhooks.models import Worker

from .rows import ReadOnlyRows

STATES = {"alive": "success", "silent": "danger"}


@admin.register(Worker)
class WorkerAdmin(ReadOnlyRows):
    list_display = ("host", "pid", "backend", "stands", "started_at", "seen_at")
    search_fields = ("host",)
    ordering = ("-seen_at", "id")
    fields = ("host", "pid", "backend", "stands", "started_at", "seen_at", "id")
    readonly_fields = fields

    @display(description="State", label=STATES)
    def stands(self, worker: Worker) -> str:
        is_alive = timezone.now() - worker.seen_at <= SILENT_AFTER
        return "alive" if is_alive else "silent"
