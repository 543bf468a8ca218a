"""The delivery workers that are running, with their heartbeats."""

import uuid

from django.db import models


class Worker(models.Model):
    """One worker process. It writes `seen_at` every few seconds and leaves when it ends,
    so a row that has grown old is a worker that died."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    backend = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.host} {self.pid}"
