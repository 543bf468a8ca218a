import json
import stat
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.dialects.forms import Caller, case
from webhooks import dialects
from webhooks.delivery import wire
from webhooks.management import sample, sample_requests
from webhooks.models import ApiKey, AuditEntry, Subscription
from webhooks.operations import keys, subscriptions
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db

RECEIVER = "http://127.0.0.1:8001"


@pytest.fixture(autouse=True)
def key_file(monkeypatch, tmp_path) -> Path:
    path: Path = tmp_path / "var" / "sample-keys.json"
    monkeypatch.setattr(sample, "key_file", lambda: path)
    return path


def ensured(receiver: str = RECEIVER) -> sample.Account:
    return sample.ensure(receiver=receiver)


def test_it_makes_a_key_and_a_subscription_for_each_dialect():
    account = ensured()

    assert set(account.subscriptions) == set(dialects.SLUGS)
    assert set(account.keys) == {*dialects.SLUGS, sample.PUBLISHER}
    for slug, subscription in account.subscriptions.items():
        key = keys.authenticate(account.keys[slug])
        assert key.partner == subscription.partner == account.partner
        assert subscription.urls == [f"{RECEIVER}/{slug}"]
        profile = wire.profile(subscription.profile)
        signs = profile.sign is not wire.unsigned
        assert bool(subscription.live_secrets(timezone.now())) == signs


def test_every_sample_subscription_that_can_matches_the_sample_event():
    account = ensured()

    found = set()
    for slug, subscription in account.subscriptions.items():
        profile = wire.profile(subscription.profile)
        name = profile.name_of(sample.EVENT_TYPE)
        if name is not None and profile.matches(subscription.events, name):
            found.add(slug)

    assert found
    assert found == {
        dialect.slug
        for dialect in dialects.DIALECTS
        if dialect.profile.name_of(sample.EVENT_TYPE)
    }


def test_a_second_time_it_changes_nothing():
    first = ensured()
    entries = AuditEntry.objects.count()

    second = ensured()

    assert second == first
    assert AuditEntry.objects.count() == entries


def test_only_the_owner_can_read_the_keys(key_file):
    account = ensured()

    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert json.loads(key_file.read_text()) == {**account.keys, "receiver": RECEIVER}


def test_a_key_that_no_longer_works_is_replaced(key_file):
    first = ensured()
    lost = keys.authenticate(first.keys["topiic"])
    keys.revoke(by=SYSTEM, key=lost)

    second = ensured()

    assert second.keys["capa"] == first.keys["capa"]
    assert second.keys["topiic"] != first.keys["topiic"]
    # The one dialect whose settings are those of a key.
    assert second.subscriptions["topiic"] != first.subscriptions["topiic"]
    assert second.subscriptions["capa"] == first.subscriptions["capa"]


def test_keys_whose_texts_are_lost_are_revoked(key_file):
    ensured()
    key_file.unlink()

    account = ensured()

    usable = ApiKey.objects.usable_at(timezone.now())
    assert usable.count() == len(account.keys)


def test_a_key_of_another_partner_is_not_taken_for_the_samples(key_file):
    from tests import factories

    account = ensured()
    _, text = factories.key(factories.partner())
    key_file.write_text(json.dumps({**account.keys, "capa": text}))

    assert ensured().keys["capa"] != text


def test_subscriptions_follow_the_receiver_and_keep_what_a_person_changed():
    account = ensured()
    own = ["https://example.com/own"]
    subscriptions.update(
        by=SYSTEM, subscription=account.subscriptions["capa"], change={"urls": own}
    )

    moved = ensured("http://127.0.0.1:9001")

    assert moved.subscriptions["capa"].urls == own
    assert moved.subscriptions["nursa"].urls == ["http://127.0.0.1:9001/nursa"]


def test_there_is_none_in_production(settings, key_file):
    settings.DEVELOPMENT = False

    with pytest.raises(CommandError, match="DEBUG=true"):
        call_command("sample")
    assert not key_file.exists()
    assert not Subscription.objects.exists()


def test_the_command_prints_one_request_per_dialect_and_one_event(capsys, key_file):
    call_command("sample", "--web", "127.0.0.1:9000", "--receiver", "127.0.0.1:9001")

    out = capsys.readouterr().out
    assert out.count("\ncurl -sS -X ") == len(dialects.DIALECTS) + 1
    assert out.count("http://127.0.0.1:9000/") == len(dialects.DIALECTS) + 1
    assert str(key_file) in out


@pytest.mark.parametrize("slug", dialects.SLUGS)
def test_each_dialect_shows_its_sample_as_if_made_through_it(slug):
    account = ensured()

    key = keys.authenticate(account.keys[slug])
    caller = Caller(account.partner, key, account.keys[slug])
    response = case(slug).ask(caller, account.subscriptions[slug])
    assert response.status_code in (200, 201), response.content
    assert f"{RECEIVER}/{slug}" in response.content.decode()


def test_each_printed_change_is_made_by_its_own_dialect(client):
    account = ensured()

    *changes, publish = sample_requests.all_of(account, receiver=RECEIVER)

    assert publish.path == "/api/portal/v1/events"
    for change in changes:
        response = client.generic(
            change.method,
            change.path,
            change.body,
            content_type=change.headers["Content-Type"],
            headers=change.headers,
        )
        assert response.status_code in (200, 201), (change, response.content)
    updated = Subscription.objects.exclude(updated_at=account.partner.created_at)
    changed = {
        entry.dialect
        for entry in AuditEntry.objects.filter(action="subscription.updated")
    }
    assert changed == set(dialects.SLUGS)
    assert updated.count() == len(dialects.DIALECTS)


class TestWhereTheKeysAreKept:
    @pytest.fixture(autouse=True)
    def key_file(self) -> None:
        """The real one."""

    def test_the_key_file_is_beside_a_database_that_is_a_file(self, monkeypatch):
        database = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/data/a b.sqlite3"}
        monkeypatch.setitem(settings.DATABASES, "default", database)

        assert sample.key_file() == Path("/data/a b.sample-keys.json")

    def test_the_key_file_of_a_database_server_is_in_var(self, monkeypatch):
        database = {"ENGINE": "django.db.backends.postgresql", "NAME": "portal"}
        monkeypatch.setitem(settings.DATABASES, "default", database)

        expected = Path(settings.BASE_DIR) / "var" / "portal.sample-keys.json"
        assert sample.key_file() == expected
