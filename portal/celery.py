"""The Celery workers of `deliver --backend celery`, run by `celery -A portal worker`."""

import os
import sys
from typing import Any

import django
from celery.signals import worker_init

from portal.environment import Wrong

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
try:
    django.setup()
except Wrong as wrong:
    sys.exit(str(wrong))

from django.core.management.base import CommandError, OutputWrapper
from django.db import connections

from webhooks.delivery.backends import celery_app
from webhooks.management import starting
from webhooks.operations import endpoint_notifications

app = celery_app.application(notify=endpoint_notifications.write)


@worker_init.connect
def _begin(**_: Any) -> None:
    try:
        starting.begin(OutputWrapper(sys.stdout))
    except CommandError as error:
        sys.exit(str(error))
    finally:
        # What it opened would be shared by the processes of the pool.
        connections.close_all()
