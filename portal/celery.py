"""What `celery -A portal worker` runs: the senders of `deliver --backend celery`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from webhooks.delivery.backends.celery_app import app  # noqa: E402

__all__ = ["app"]
