"""What a filter of the admin lists is what the rows say, and what the console lists."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from webhooks.models import Delivery, Endpoint, Notice, Subscription, Worker

from . import traffic

NOW = timezone.now()
DISABLED = {"disabled_at": NOW, "disabled_reason": "410"}
FAILING = {"failing_since": NOW, "consecutive_failures": 3}


@pytest.fixture
def subscriptions(db) -> list[Subscription]:
    """One for every mixture of what a state is made of."""
    partner, made = factories.partner(), []
    for deleted in (None, NOW):
        for is_active in (True, False):
            for disabled in ({}, DISABLED):
                for failing in ({}, FAILING):
                    row = factories.subscription(partner, "blaze", is_active=is_active)
                    Subscription.objects.filter(pk=row.pk).update(
                        deleted_at=deleted, **disabled
                    )
                    row.endpoints.update(**failing)
                    made.append(row)
    return made


@pytest.fixture
def endpoints(db) -> list[Endpoint]:
    """One for every mixture of what a health is made of."""
    partner, made = factories.partner(), []
    for disabled in ({}, DISABLED):
        for open_until in (None, NOW - timedelta(hours=1), NOW + timedelta(hours=1)):
            for failing in ({}, FAILING):
                for first_called_at in (None, NOW):
                    row = factories.subscription(partner, "blaze").endpoints.get()
                    Endpoint.objects.filter(pk=row.pk).update(
                        open_until=open_until,
                        first_called_at=first_called_at,
                        **disabled,
                        **failing,
                    )
                    made.append(row)
    return made


@pytest.fixture
def deliveries(db) -> list[Delivery]:
    subscription = factories.subscription(factories.partner(), "blaze")
    ended = set(Delivery.State) - {Delivery.State.PENDING}
    pending = {"state": "pending", "due_at": NOW, "settled_at": None}
    made = [traffic.delivery(subscription, state=state) for state in ended]
    made += [traffic.delivery(subscription, **pending) for _ in range(2)]
    Delivery.objects.filter(pk=made[-1].pk).update(attempts=0)
    return made


def badges(console: Client, model: str, column: str, **query: str) -> dict[str, str]:
    """The rows that the admin lists: the id of each, and how its badge reads."""
    html = console.get(f"/admin/webhooks/{model}/", query).content.decode()
    rows = html.split('<tr class="data-row')[1:]
    found = {}
    for row in rows:
        id = re.search(rf"/admin/webhooks/{model}/([^/]+)/change/", row)
        badge = re.search(
            rf'class="field-{column} .*?<span.*?>(.*?)</span>', row, re.DOTALL
        )
        assert id
        assert badge
        found[id[1]] = badge[1].strip()
    return found


@pytest.mark.parametrize(
    ("model", "column", "state"),
    [
        *(("subscription", "state", state) for state in Subscription.State),
        *(("endpoint", "health", health) for health in Endpoint.Health),
        *(("delivery", "status", status) for status in Delivery.Status),
    ],
)
def test_a_row_is_listed_by_the_state_that_its_badge_shows(
    console: Client, request, model, column, state
) -> None:
    plural = {"subscription": "subscriptions", "endpoint": "endpoints"}
    made = request.getfixturevalue(plural.get(model, "deliveries"))
    every = badges(console, model, column)
    assert len(every) == len(made)
    found = badges(console, model, column, **{column: state})
    assert set(found.values()) == {state.label}
    assert found == {id: label for id, label in every.items() if label == state.label}


@pytest.mark.parametrize("state", Subscription.State)
def test_the_console_lists_the_same_subscriptions(
    console: Client, subscriptions, state
) -> None:
    found = badges(console, "subscription", "state", state=state)
    html = console.get("/staff/subscriptions/", {"state": state}).content.decode()
    assert set(re.findall(r'href="/staff/subscriptions/([0-9a-f-]{36})/"', html)) == (
        found.keys()
    )


def test_an_unknown_state_filters_nothing(console: Client, subscriptions) -> None:
    every = badges(console, "subscription", "state")
    assert badges(console, "subscription", "state", state="nonsense") == every


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "Pending"),
        ({"due_at": None, "sent_at": timezone.now()}, "Sent"),
        ({"due_at": None}, "Failed"),
    ],
    ids=["pending", "sent", "failed"],
)
def test_it_shows_the_status_of_a_notice(console: Client, fields, state) -> None:
    notice = traffic.one_of_each()[Notice]
    Notice.objects.update(**fields)
    page = console.get(f"/admin/webhooks/notice/{notice.pk}/change/").content.decode()
    assert re.search(rf">\s*{state}\s*<", page)


@pytest.mark.parametrize(
    ("silence", "icon"), [(29, "check_small"), (31, "close_small")]
)
def test_it_shows_which_workers_are_silent(
    console: Client, silence, icon, one_moment
) -> None:
    worker = traffic.one_of_each()[Worker]
    Worker.objects.update(seen_at=timezone.now() - timedelta(seconds=silence))
    page = console.get(f"/admin/webhooks/worker/{worker.pk}/change/").content.decode()
    assert re.search(rf">\s*{icon}\s*<", page)
