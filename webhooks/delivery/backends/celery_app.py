"""The Celery application: one queue, whose messages carry ids and nothing else.

The database holds what is sent, when it is due and who has claimed it, so nothing is lost
with a broker. A message is acknowledged once its deliveries are in hand.
"""

import multiprocessing
import threading
from collections.abc import Sequence
from uuid import UUID

import billiard
from celery import Celery
from celery.exceptions import Reject
from celery.signals import (
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_shutdown,
)
from django.conf import settings

from webhooks.delivery.endpoint_notifications import Notify

from .sender import Sender

TIMEOUT = 4.0
"""Seconds in which a broker answers, or is away."""

_OF_TRANSPORT = {
    "redis": {
        # Messages that a worker fetched and did not handle go to another.
        "visibility_timeout": 60,
        "socket_connect_timeout": TIMEOUT,
        "socket_timeout": TIMEOUT,
        "socket_keepalive": True,
    },
    "amqp": {"confirm_publish": True},
}

app = Celery("webhooks")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_transport_options=next(
        (
            options
            for scheme, options in _OF_TRANSPORT.items()
            if settings.CELERY_BROKER_URL.startswith(scheme)
        ),
        {},
    ),
    broker_connection_timeout=TIMEOUT,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a broker may be away for as long as it likes
    result_backend=None,
    task_acks_late=True,
    task_default_queue=settings.CELERY_QUEUE,
    task_ignore_result=True,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0},
    task_reject_on_worker_lost=True,
    task_serializer="json",
    accept_content=["json"],
    # A task ends before it could be cancelled, and one done twice does nothing.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # A process for each core that this one may use, unless --concurrency says otherwise.
    worker_concurrency="auto",
    # Whoever reaches the broker could otherwise stop the workers through it.
    worker_enable_remote_control=False,
    worker_prefetch_multiplier=1,
    worker_redirect_stdouts=False,
)

_notify: Notify | None = None
_sender: Sender | None = None
_starting = threading.Lock()


def application(*, notify: Notify) -> Celery:
    """The application for processes that send. `notify` writes the endpoint notifications
    that their settlements find."""
    global _notify
    _notify = notify
    return app


@app.task(name="webhooks.send")
def send(token: str, ids: Sequence[str]) -> None:
    """Begin what a claim reserved; it is sent after this returns.

    A message that arrives twice or too late finds no delivery that carries the token.
    """
    try:
        _current().take(UUID(token), [UUID(id) for id in ids])
    except TimeoutError as error:
        raise Reject(error, requeue=True) from error  # another may have room


def _current() -> Sender:
    """The sender of this process, which it makes itself: a fork inherits none."""
    global _sender
    with _starting:
        if _sender is None:
            assert _notify is not None, "start Celery workers by portal.celery"  # noqa: S101
            _sender = Sender(notify=_notify)
    return _sender


@setup_logging.connect
def _log_as_the_others(**_: object) -> None:
    """Django has set the log up; where this is connected, Celery leaves it alone."""


@worker_process_init.connect
def _start(**_: object) -> None:
    """Before the first task, so that its heartbeat is seen from the start."""
    # What logs call it: billiard is Celery's multiprocessing, and knows its own only.
    multiprocessing.current_process().name = billiard.current_process().name
    _current()


@worker_process_shutdown.connect  # of a process of the pool
@worker_shutdown.connect  # where the worker is its own pool
def _stop(**_: object) -> None:
    if _sender is not None:
        _sender.stop()
