"""Two addresses for load balancers and monitoring. They are public, so they reveal little."""

import threading
from typing import Any

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from webhooks.delivery import heartbeat
from webhooks.delivery.heartbeat import WorkerStatus
from webhooks.models import prerelease

_migrated = threading.Event()


@require_safe
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """The process runs. The database is not checked: a restart would not repair it."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """200 if this process can take requests, otherwise 503 with the reason."""
    try:
        if not _is_migrated():
            return _unavailable("Migrations are missing; run manage.py migrate.")
        workers = heartbeat.status()
    except Error:
        return _unavailable("The database cannot be reached.")
    if workers.is_silent:
        return _unavailable(
            "No delivery worker has been heard of for "
            f"{heartbeat.SILENT_AFTER.seconds} seconds.",
            worker=_in_words(workers),
        )
    return JsonResponse({"status": "ok", "worker": _in_words(workers)})


def _is_migrated() -> bool:
    """Asks until the answer is yes, and then no more: it takes a tenth of a second, and
    nobody takes back a migration under a running process."""
    if not _migrated.is_set():
        from django.db.migrations.executor import MigrationExecutor

        executor = MigrationExecutor(connection)
        is_missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if is_missing or prerelease.is_unfinished(connection):
            return False
        _migrated.set()
    return True


def _in_words(workers: WorkerStatus) -> dict[str, Any]:
    """Without the number of workers, which strangers need not know."""
    if not workers.registered:
        return {"state": "none"}
    return {
        "state": "silent" if workers.is_silent else "alive",
        "last_seen": workers.last_seen,
    }


def _unavailable(reason: str, **more: Any) -> JsonResponse:
    return JsonResponse({"status": "unavailable", "reason": reason, **more}, status=503)
