from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from tests import factories
from tests.operations.outcomes import ended, hook, publish
from webhooks.models import Delivery, Event
from webhooks.operations import retention
from webhooks.operations.retention import Rules

pytestmark = pytest.mark.django_db

TICK = timedelta(microseconds=1)


@pytest.fixture
def over(monkeypatch):
    """Three deliveries that are over at once, and one that is pending."""
    rules = Rules(delivered=TICK, failed=TICK, statistics=None)
    monkeypatch.setattr(retention, "rules", lambda: rules)
    partner = factories.partner()
    hook(partner)
    for state in ("delivered", "exhausted", "cancelled"):
        ended(partner, state)
    publish(partner)


def test_it_says_what_it_deleted(over, capsys):
    call_command("prune")
    assert capsys.readouterr().out == "3 deliveries, 3 events deleted.\n"
    assert Delivery.objects.get().state == "pending"
    call_command("prune")
    assert capsys.readouterr().out == "Nothing deleted.\n"


def test_it_says_what_it_would_delete(over, capsys):
    call_command("prune", "--dry-run", "--batch-size", "2")
    assert capsys.readouterr().out == "3 deliveries, 3 events would be deleted.\n"
    assert Event.objects.count() == 4


def test_a_batch_is_something(over):
    with pytest.raises(CommandError, match="must be at least 1"):
        call_command("prune", "--batch-size", "0")
