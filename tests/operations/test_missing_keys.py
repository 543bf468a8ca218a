"""Nothing starts without the keys and peppers of the stored data."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests import factories
from tests.admin import traffic
from webhooks.management import starting
from webhooks.models import ApiKey, Delivery, SigningSecret, Subscription
from webhooks.operations import keys, missing_keys
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture
def key() -> ApiKey:
    return factories.key(factories.partner())[0]


@pytest.fixture
def hook() -> Subscription:
    return factories.subscription(factories.partner(), "partnero", secrets=["s"])


def test_nothing_is_missing_where_everything_can_be_read(key, hook):
    assert missing_keys.found() == []
    starting.check_keys()


def test_a_pepper_is_missing_while_usable_keys_need_it(key, settings):
    settings.KEY_PEPPERS = {2: b"another"}
    (line,) = missing_keys.found()
    assert line == "KEY_PEPPERS lacks the pepper 7, which usable API keys need."
    keys.revoke(by=SYSTEM, key=key)
    assert missing_keys.found() == []


def test_an_encryption_key_is_missing_while_live_secrets_need_it(hook, settings):
    settings.ENCRYPTION_KEYS = {"another": bytes(32)}
    (line,) = missing_keys.found()
    assert line == "ENCRYPTION_KEYS lacks the key 'tests', which signing secrets need."
    now = timezone.now()
    SigningSecret.objects.update(
        created_at=now - timedelta(days=2), expires_at=now - timedelta(days=1)
    )
    assert missing_keys.found() == []


def test_another_key_under_the_same_name_is_told(hook, settings):
    settings.ENCRYPTION_KEYS = {"tests": bytes(32)}
    (line,) = missing_keys.found()
    assert line.startswith("ENCRYPTION_KEYS has another key under the name 'tests'")


def test_one_secret_that_was_altered_stops_nothing(hook):
    factories.subscription(factories.partner(), "partnero", secrets=["other"])
    SigningSecret.objects.filter(subscription=hook).update(value="tests:AAAA")
    assert missing_keys.found() == []


@pytest.mark.parametrize("command", ["serve", "deliver"])
def test_nothing_starts_without_them(command, key, hook, settings, capsys):
    settings.KEY_PEPPERS = {2: b"another"}
    settings.ENCRYPTION_KEYS = {"another": bytes(32)}
    with pytest.raises(CommandError) as caught:
        call_command(command, skip_checks=True)
    assert str(caught.value).splitlines()[:2] == missing_keys.found()
    assert "docs/running.md" in str(caught.value)
    assert capsys.readouterr().out.startswith("Webhook Portal 0.1.0, development, ")


def test_it_looks_through_so_many_pending_deliveries(monkeypatch):
    for _ in range(3):
        traffic.delivery(state="pending", due_at=timezone.now(), settled_at=None)
    Delivery.objects.update(reason=Delivery.WAITS_FOR_KEY)
    assert missing_keys.count_waiting_deliveries() == 3
    monkeypatch.setattr(missing_keys, "MOST_LOOKED_AT", 2)
    assert missing_keys.count_waiting_deliveries() == 2


def test_an_operator_may_start_without_them(key, settings, caplog):
    settings.KEY_PEPPERS = {2: b"another"}
    settings.ALLOW_MISSING_KEYS = True
    starting.check_keys()
    assert [record.getMessage() for record in caplog.records] == missing_keys.found()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {"USER": "portal", "PASSWORD": "s3cret", "HOST": "db", "PORT": 5432},
            "PostgreSQL portal@db:5432/name",
        ),
        ({"USER": "", "HOST": "", "PORT": ""}, "PostgreSQL /name"),
    ],
)
def test_the_database_is_named_without_its_password(
    config, said, settings, monkeypatch
):
    config = {"ENGINE": "postgresql", "NAME": "name", **config}
    monkeypatch.setitem(settings.DATABASES, "default", config)
    assert starting.database() == said
