"""The audit log: before and after, line by line."""

import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from webhooks.models import AuditEntry, Partner
from webhooks.operations import subscriptions
from webhooks.operations.audit import SYSTEM, Actor
from webhooks.staff import audit
from webhooks.staff.audit import Change, Line

URL = "https://receiver.example.com/hook"
NONE = {"\N{EN DASH}"}


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """What takes longer fails, and does not hold up the tests."""

    def ring(*_: object) -> None:
        raise TimeoutError

    former = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


def test_a_list_differs_by_its_items() -> None:
    before = {"urls": ["a", "b"], "name": "x"}
    after = {"urls": ["a", "c"], "name": "y"}
    assert audit.changes(before, after) == [
        Change("urls", [Line("same", "a"), Line("removed", "b"), Line("added", "c")]),
        Change("name", [Line("removed", "x"), Line("added", "y")]),
    ]


def test_a_creation_is_all_new_and_a_deletion_all_gone() -> None:
    assert audit.changes(None, {"is_active": True}) == [
        Change("is active", [Line("added", "true")])
    ]
    assert audit.changes({"limit": None}, None) == [
        Change("limit", [Line("removed", "null")])
    ]


def test_a_text_that_becomes_empty_is_seen() -> None:
    assert audit.changes({"name": "x"}, {"name": ""}) == [
        Change("name", [Line("removed", "x"), Line("added", "")])
    ]


def test_what_is_no_object_and_what_is_hidden_is_shown_all_the_same() -> None:
    assert audit.changes([1], "x") == []
    assert audit.changes(None, {"a": "\u202ex", "b": {"c": [1]}}) == [
        Change("a", [Line("added", "\\u202ex")]),
        Change(
            "b",
            [Line("added", t) for t in ("{", '  "c": [', "    1", "  ]", "}")],
        ),
    ]


def test_what_changed_in_a_long_list_is_told_without_comparing_every_line() -> None:
    before = [f"order.created.v{n}" for n in range(4_000)]
    after = before[:1] + [f"order.updated.v{n}" for n in range(4_000)]
    with time_limit(10):
        (change,) = audit.changes({"events": before}, {"events": after})
    kinds = Counter(line.kind for line in change.lines)
    assert kinds == {"removed": 3_999, "added": 4_000, "same": 1}


def test_up_to_a_thousand_lines_are_compared_in_their_order() -> None:
    """Beyond that, a line is the same wherever it stands."""
    for number, kinds in ((500, {"same", "removed", "added"}), (501, {"same"})):
        events = [f"order.created.v{n}" for n in range(number)]
        (change,) = audit.changes({"events": events}, {"events": events[::-1]})
        assert {line.kind for line in change.lines} == kinds


def test_lines_that_resemble_one_another_are_not_compared_letter_by_letter() -> None:
    before = [f"order.created.v{n}" for n in range(450)]
    after = [f"order.updated.v{n}" for n in range(450)]
    with time_limit(10):
        (change,) = audit.changes({"events": before}, {"events": after})
    assert [line.kind for line in change.lines] == ["removed"] * 450 + ["added"] * 450


def test_a_number_that_the_database_spells_out_is_shown(console: Client) -> None:
    entry = AuditEntry.objects.create(
        at=timezone.now(), actor_kind="system", actor=SYSTEM.label, action="x.y",
        target_type="x", target_id="1", after={"extras": {"n": 1e30, "m": 10**30}},
    )  # fmt: skip
    assert console.get(f"/staff/audit/{entry.pk}/").status_code == 200


def test_an_entry_shows_what_changed_and_who_did_it(console: Client) -> None:
    subscription = factories.subscription(factories.partner(name="Acme"), "partnero")
    by = Actor.of_staff(user_id=7, username="<i>grace</i>", ip="192.0.2.7")
    subscriptions.update(by=by, subscription=subscription, change={"urls": [URL, "https://receiver.example.com/<script>"]})  # fmt: skip
    entry = AuditEntry.objects.get(action="subscription.updated")
    page = console.get(f"/staff/audit/{entry.pk}/").content.decode()
    assert f'<div class="same">{URL}</div>' in page
    assert "<ins>https://receiver.example.com/&lt;script&gt;</ins>" in page
    assert "&lt;i&gt;grace&lt;/i&gt;" in page
    assert "from 192.0.2.7" in page
    assert "Acme" in page
    assert f'href="/staff/audit/?target={subscription.pk}"' in page
    every = console.get(f"/staff/audit/?target={subscription.pk}").context["listed"]
    assert [row.action for row in every.rows] == [
        "subscription.updated",
        "subscription.created",
    ]


def test_a_value_that_is_empty_is_said_to_be(console: Client) -> None:
    entry = AuditEntry.objects.create(
        at=timezone.now(), actor_kind="system", actor=SYSTEM.label, action="x.y",
        target_type="x", target_id="1",
        before={"name": "", "url": "x"}, after={"name": "y", "url": ""},
    )  # fmt: skip
    page = console.get(f"/staff/audit/{entry.pk}/").content.decode()
    said = re.findall(r'<div class="(\w+)"><em class="quiet">([^<]+)', page)
    assert sorted(said) == [("added", "empty"), ("removed", "was empty")]


def test_the_list_names_partners_and_fields(console: Client) -> None:
    factories.partner(name="Acme")
    page = console.get("/staff/audit/").content.decode()
    assert "Acme" in page
    assert "contact email" in page


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ({"urls": [], "name": "x"}, {"name": "y"}, {"name", "urls"}),
        (None, {"is_active": True}, {"is active"}),
        ({}, None, NONE),
        (None, None, NONE),
        (["no", "object"], "nor this", NONE),
    ],
)
def test_the_list_names_fields_without_reading_them(
    console: Client, before, after, says
) -> None:
    AuditEntry.objects.create(
        at=timezone.now(), actor_kind="system", actor=SYSTEM.label, action="x.y",
        target_type="x", target_id="1", before=before, after=after,
    )  # fmt: skip
    answer = console.get("/staff/audit/?target=1")
    (row,) = answer.context["listed"].rows
    assert row.get_deferred_fields() == {"before", "after"}
    (cell,) = re.findall(r'data-label="Fields">([^<]*)<', answer.content.decode())
    assert set(cell.split(", ")) == says


def test_an_entry_outlives_its_partner(console: Client) -> None:
    partner = factories.partner(name="Gone")
    id = partner.id
    Partner.objects.all().delete()
    (entry,) = AuditEntry.objects.filter(partner_id=id)
    assert console.get("/staff/audit/").status_code == 200
    assert str(id) in console.get(f"/staff/audit/{entry.pk}/").content.decode()


def test_an_entry_without_fields_says_so(console: Client) -> None:
    entry = AuditEntry.objects.create(
        at=timezone.now(), actor_kind="system", actor=SYSTEM.label, action="x.y",
        target_type="x", target_id="1",
    )  # fmt: skip
    page = console.get(f"/staff/audit/{entry.pk}/").content.decode()
    assert "The entry names no fields" in page
