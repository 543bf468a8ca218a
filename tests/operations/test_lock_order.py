"""Changes of a subscription beside settlements that disable its endpoints.

On PostgreSQL two transactions that lock the same rows in two orders end in a deadlock, and one
of them in an error. All lock subscriptions first, then deliveries, then endpoints by their ids.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from tests import factories
from tests.delivery.settlements import claimed, retry
from tests.operations.outcomes import hook, publish
from tests.waiting import PATIENCE
from webhooks.delivery import health, outbox
from webhooks.delivery.outbox import settling
from webhooks.models import Endpoint, Subscription
from webhooks.operations import subscriptions
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)

URLS = [f"https://receiver.example.com/{number}" for number in range(3)]
CHANGES = [
    {"urls": URLS[::-1]},
    {"is_active": True},
    {"is_ordered": True},
    {"is_ordered": True, "urls": URLS[::-1]},
]


class Meeting:
    """Both go on when both are there, or when one of them cannot come: it waits for a lock
    of the other."""

    def __init__(self):
        self.gate = threading.Barrier(2)

    def __call__(self):
        try:
            self.gate.wait(0.5)
        except threading.BrokenBarrierError:
            pass


def after(meeting, act):
    def acted(*args, **arguments):
        result = act(*args, **arguments)
        meeting()
        return result

    return acted


def at_once(*acts):
    def run(act):
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(run, act) for act in acts]:
            done.result(PATIENCE)


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("status", [health.GONE, 500])
def test_neither_fails(change, status, monkeypatch):
    made = hook(factories.partner(), *URLS)
    publish(made.partner)
    settlements = [retry(job, status=status) for job in claimed()]
    assert len(settlements) == len(URLS)
    meeting = Meeting()
    # The one has the subscription, and the other an endpoint.
    monkeypatch.setattr(subscriptions, "lock", after(meeting, subscriptions.lock))
    monkeypatch.setattr(settling, "_store", after(meeting, settling._store))

    at_once(
        lambda: outbox.settle(settlements),
        lambda: subscriptions.update(by=SYSTEM, subscription=made, change=change),
    )

    is_gone = status == health.GONE
    disabled = Endpoint.objects.exclude(disabled_at=None).count()
    assert disabled in ({0, len(URLS)} if is_gone else {0})
    is_disabled = Subscription.objects.exclude(disabled_at=None).exists()
    assert is_disabled == (disabled == len(URLS))


def test_endpoints_are_locked_in_one_order(monkeypatch):
    made = hook(factories.partner(), *URLS)
    publish(made.partner)
    settlements = [retry(job) for job in claimed()]
    meeting, examine, save = Meeting(), settling._examine, Endpoint.save

    def examine_meanwhile(*args):
        meeting()
        return examine(*args)

    def save_slowly(row, **options):
        save(row, **options)
        meeting()
        time.sleep(0.3)  # the other locks the endpoints before this one

    monkeypatch.setattr(settling, "_examine", examine_meanwhile)
    monkeypatch.setattr(Endpoint, "save", save_slowly)
    at_once(
        lambda: outbox.settle(settlements),
        lambda: subscriptions.update(
            by=SYSTEM, subscription=made, change={"urls": URLS[::-1]}
        ),
    )
    assert (
        list(Endpoint.objects.order_by("position").values_list("url", flat=True))
        == (URLS[::-1])
    )


@pytest.mark.postgresql("SQLite has one writer at a time")
def test_publishing_does_not_wait_for_a_change():
    made = hook(factories.partner(), *URLS)

    def publish_alone():
        try:
            return publish(made.partner)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        subscriptions.lock(made.id, by=SYSTEM)
        event = pool.submit(publish_alone).result(PATIENCE)
    assert event.matched == 1
