"""The backends: a delivery is sent from the worker itself, or from Celery workers.

The worker claims; a backend takes what was claimed, and has each delivery sent and settled,
or gives it back. Payloads, schedules and retries stay in the database: if a backend loses
what it holds, the deliveries are late by a lease.
"""

from asyncio import TaskGroup
from collections.abc import Callable, Collection
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

from django.conf import settings

from webhooks.delivery.database import DatabaseThread
from webhooks.delivery.endpoint_notifications import Notify
from webhooks.delivery.job import Claim

from .local import LocalBackend


class Backend(Protocol):
    """An async context manager, used in the event loop of its worker."""

    name: str

    is_begun: bool
    """Whether what is claimed for it is begun at once, or only reserved."""

    lease: float
    """Seconds that claims for it last."""

    @property
    def batch(self) -> int:
        """How many it should be given at once, if that many are due."""

    @property
    def held(self) -> int:
        """How many it has taken and not yet settled or given back."""

    @property
    def room(self) -> int:
        """How many more it takes now."""

    @property
    def full(self) -> Collection[UUID]:
        """The endpoints that it takes nothing more for at the moment."""

    def prepare(self, claim: Claim) -> Any:
        """What `take` needs for a claim. Called in the thread that claimed, so that a claim
        and its preparation wait for the busy event loop once and not twice."""

    async def take(self, prepared: Any) -> None:
        """Take what was claimed."""

    async def drain(self, *, within: float) -> None:
        """Give back what is not being sent, finish and settle what is, and give back
        what is not finished after `within` seconds."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class MakeBackend(Protocol):
    def __call__(
        self,
        *,
        concurrency: int,
        tasks: TaskGroup,
        claims: DatabaseThread,
        notify: Notify,
        has_room: Callable[[], None],
    ) -> Backend:
        """`notify` writes the endpoint notifications that settlements find. `has_room` is
        to be called when a batch fits again after `take` left less."""


class Unavailable(Exception):
    """There is no such backend, or it lacks something that it needs; the text says what."""


def _celery(*, notify: Notify, **parts: Any) -> Backend:
    """Celery workers settle, and get `notify` from `celery_app.application`."""
    from .celery import CeleryBackend  # with the extra only

    return CeleryBackend(**parts)


BACKENDS: dict[str, MakeBackend] = {"local": LocalBackend, "celery": _celery}


def check(name: str) -> None:
    """Raises Unavailable when no worker can be run with that backend."""
    if name not in BACKENDS:
        raise Unavailable(f"There is no backend {name!r}, only {', '.join(BACKENDS)}.")
    if name == "celery":
        if find_spec("celery") is None:
            raise Unavailable("The backend celery needs the extra of that name.")
        if not settings.CELERY_BROKER_URL:
            raise Unavailable("The backend celery needs CELERY_BROKER_URL.")
