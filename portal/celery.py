"""The Celery workers of `deliver --backend celery`, run by `celery -A portal worker`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from webhooks.delivery.backends import celery_app  # noqa: E402
from webhooks.operations import endpoint_notifications  # noqa: E402

app = celery_app.application(notify=endpoint_notifications.write)
