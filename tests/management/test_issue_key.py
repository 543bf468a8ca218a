import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests import factories
from webhooks.models import ApiKey, AuditEntry, Partner
from webhooks.operations import keys, partners

from . import portal

pytestmark = pytest.mark.django_db


def issued(capsys, *arguments: str) -> dict[str, str | None]:
    call_command("issue_key", *arguments, "--json")
    line, end, rest = capsys.readouterr().out.partition("\n")
    assert (end, rest) == ("\n", "")
    parsed: dict[str, str | None] = json.loads(line)
    return parsed


def test_it_prints_one_line_of_json(capsys):
    partner = factories.partner(name="Acme")

    line = issued(capsys, "Acme", "--name", "CI", "--scope", keys.READ)

    assert list(line) == ["partner_id", "key_id", "prefix", "key"]
    key = keys.authenticate(line["key"])
    assert (str(key.id), key.prefix) == (line["key_id"], line["prefix"])
    assert str(key.partner_id) == line["partner_id"] == str(partner.id)
    assert (key.name, key.scopes) == ("CI", [keys.READ])


def test_it_issues_a_publishers_key(capsys):
    line = issued(capsys, "--publisher")

    key = keys.authenticate(line["key"], kind=ApiKey.Kind.PUBLISHER)
    assert line["partner_id"] is None
    assert key.partner is None


def test_it_creates_a_partner_when_told_to_and_only_once(capsys):
    first = issued(capsys, "New one", "--create")
    second = issued(capsys, "New one", "--create")

    assert first["partner_id"] == second["partner_id"]
    assert AuditEntry.objects.filter(action="partner.created").count() == 1


def test_it_takes_the_partner_that_another_process_has_just_created(
    capsys, monkeypatch
):
    def create(**given):
        partners_create(**given)
        raise partners.NameTaken(given["name"])

    partners_create = partners.create
    monkeypatch.setattr(partners, "create", create)

    line = issued(capsys, "Raced", "--create")

    assert line["partner_id"] == str(Partner.objects.get(name="Raced").id)


def test_it_says_that_the_key_is_shown_once(capsys):
    call_command("issue_key", "--publisher")
    call_command("issue_key", "Readable", "--create")

    out = capsys.readouterr().out
    assert out.count("shown this once") == 2
    assert "for a publisher" in out
    assert "for Readable (" in out
    assert out.count("whk_") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Nobody"], "There is no partner 'Nobody'; --create makes one."),
        ([], "Give either a partner's name or --publisher."),
        (["Nobody", "--publisher"], "Give either a partner's name or --publisher."),
        (["--publisher", "--scope", "nonsense"], "'nonsense' is not a scope"),
        (["--publisher", "--expires", "tomorrow"], "neither like 90d nor a date"),
        (["--publisher", "--expires", "2020-01-01T00:00:00Z"], "is past"),
        (["--publisher", "--expires", "2020-13-01T00:00:00Z"], "is no date"),
        (["--publisher", "--expires", "99999999999d"], "is no date"),
    ],
)
def test_it_refuses_in_one_clear_line(arguments, message):
    with pytest.raises(CommandError, match=message):
        call_command("issue_key", *arguments)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
    ],
)
def test_it_takes_a_time_from_now(capsys, given, expected):
    before = timezone.now()

    line = issued(capsys, "--publisher", "--expires", given)

    expires_at = ApiKey.objects.get(id=str(line["key_id"])).expires_at
    assert expires_at is not None
    assert before + expected <= expires_at <= timezone.now() + expected


def test_it_takes_a_date_as_utc_where_no_offset_is_given(capsys):
    line = issued(capsys, "--publisher", "--expires", "2199-01-31T10:00:00")

    expires_at = ApiKey.objects.get(id=str(line["key_id"])).expires_at
    assert expires_at is not None
    assert expires_at.isoformat() == "2199-01-31T10:00:00+00:00"


def test_it_works_as_a_process_on_a_database_that_was_only_migrated(database_url):
    done = portal.manage(
        "issue_key", "Fresh", "--create", "--json", database_url=database_url
    )

    assert done.returncode == 0
    assert done.stderr == ""
    assert json.loads(done.stdout)["key"].startswith("whk_")
