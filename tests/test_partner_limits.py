"""The limits of a partner, in every interface that can make something more.

Each is lowered for one partner and reached through the requests and forms of every registered
interface, so that one without an answer of its own fails here.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.urls import reverse

from tests import factories
from tests.dialects.forms import BY, SLUGS, URL, Caller, case, create, filled_in
from tests.waiting import PATIENCE
from tests.written import nothing_is_written
from webhooks.models import (
    AuditEntry,
    Endpoint,
    Partner,
    SigningSecret,
    Subscription,
)
from webhooks.operations import limits, partners, subscriptions
from webhooks.operations.audit import SYSTEM
from webhooks.rest import interfaces
from webhooks.rest.extras import UNRECOGNISED_BYTES

AT_ONCE = 4
LIMITS = [limits.SUBSCRIPTIONS, limits.URLS, limits.SECRETS, limits.EVENT_NAMES]


def limit(partner: Partner, **numbers: int) -> None:
    partners.update(by=SYSTEM, partner=partner, limits=numbers)


def ask_for_one(slug: str, caller: Caller, **values: Any) -> Any:
    """The request that creates a subscription, with every field filled in."""
    filled = case(slug).fill(caller, **values)
    body = case(slug).body(caller, filled)
    return caller.send(case(slug).create[0], case(slug).create_path(caller), body)


def ask_for_a_change(
    slug: str, caller: Caller, row: Subscription, **values: Any
) -> Any:
    body = case(slug).body(caller, case(slug).fill(caller, **values))
    return caller.send(case(slug).change, case(slug).path(row), body)


def stored() -> dict[str, int]:
    written = AuditEntry.objects.filter(action__startswith="subscription.")
    rows: list[Any] = [
        Subscription.objects,
        Endpoint.objects,
        SigningSecret.objects,
        written,
    ]
    return {str(number): each.count() for number, each in enumerate(rows)}


def shape_of_a_refusal(slug: str, caller: Caller) -> set[str]:
    """The members of the vendor's answer to a value that is no good."""
    field, value = case(slug).faults[0]
    return set(json.loads(ask_for_one(slug, caller, **{field: value}).content))


def needs(slug: str, each: limits.Limit) -> bool:
    """Whether a subscription of the interface has any of it."""
    row = create(slug, Caller())
    if each is limits.EVENT_NAMES:
        return bool(row.events)
    assert each.rows is not None
    return each.rows(row.partner_id).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("each", LIMITS, ids=lambda each: each.name)
@pytest.mark.parametrize("slug", SLUGS)
def test_at_a_limit_it_refuses_in_the_vendors_shape_and_stores_nothing(slug, each):
    is_needed = needs(slug, each)
    caller = Caller()
    limit(caller.partner, **{each.name: 0})
    before = stored()
    if not is_needed:
        assert ask_for_one(slug, caller).status_code < 300
        return
    with nothing_is_written():
        answer = ask_for_one(slug, caller)
    assert 400 <= answer.status_code < 500, answer.content
    assert stored() == before
    said = json.loads(answer.content)
    sentence = str(limits.LimitReached(each, 0))
    assert sentence in json.dumps(said, ensure_ascii=False)
    assert answer["Content-Type"] == ask_for_one(slug, Caller(), **dict(
        [case(slug).faults[0]]
    ))["Content-Type"]  # fmt: skip
    extra = {"limit", "most"} if slug == "portal" else {"detail"}
    assert set(said) - extra <= shape_of_a_refusal(slug, Caller()), said

    form = filled_in(slug, caller)
    assert form.is_valid()
    assert form.save(by=BY) is None
    assert sentence in form.errors.as_text()
    assert stored() == before

    limit(caller.partner)
    assert ask_for_one(slug, caller).status_code < 300


@pytest.mark.django_db
@pytest.mark.parametrize("slug", SLUGS)
def test_what_is_beyond_a_lowered_limit_is_read_changed_and_deleted(slug):
    caller = Caller()
    row = create(slug, caller)
    limit(caller.partner, **{each.name: 0 for each in LIMITS})
    assert case(slug).ask(caller, row).status_code < 300
    answer = ask_for_a_change(slug, caller, row)
    assert answer.status_code < 300, answer.content
    edited = ask_for_a_change(slug, caller, row, **case(slug).edited)
    assert edited.status_code < 300, edited.content
    assert subscriptions.update(by=SYSTEM, subscription=row, change={"urls": []})
    subscriptions.delete(by=SYSTEM, subscription=row)


@pytest.mark.django_db
@pytest.mark.parametrize("slug", SLUGS)
def test_what_is_deleted_does_not_count(slug):
    caller = Caller()
    limit(caller.partner, subscriptions=1, urls=2, secrets=2)
    for _ in range(3):
        assert ask_for_one(slug, caller).status_code < 300
        row = Subscription.objects.live().get()
        subscriptions.delete(by=SYSTEM, subscription=row)


@pytest.mark.django_db
def test_a_change_that_makes_more_is_held_to_the_limits():
    row = factories.subscription(factories.partner(), "blaze")
    limit(row.partner, urls=2, event_names=2, secrets=1)
    for change in (
        {"urls": [f"{URL}/{n}" for n in range(3)]},
        {"events": ["NEW_MEMBER"] * 3},
        {"secrets": ["one", "two"]},
    ):
        before = stored()
        with pytest.raises(limits.LimitReached):
            subscriptions.update(by=SYSTEM, subscription=row, change=change)
        assert stored() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"name": "x" * 256},
        {"shop_id": "x" * 256},
        {"events": ["x" * 256]},
        {"secrets": ["x" * 256]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_text_is_longer_than_its_column(change):
    row = factories.subscription(factories.partner(), "portal")
    with pytest.raises(limits.LimitReached):
        subscriptions.update(by=SYSTEM, subscription=row, change=change)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("slug", SLUGS)
def test_of_many_at_once_as_many_are_made_as_may_be(slug):
    """With a key each, as some vendors keep one set of settings for a key."""
    partner = factories.partner()
    callers = [Caller(partner) for _ in range(AT_ONCE)]
    limit(partner, subscriptions=1)
    start = Barrier(AT_ONCE)

    def run(caller: Caller) -> int:
        try:
            start.wait(PATIENCE)
            return int(ask_for_one(slug, caller).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(run, callers))
    assert Subscription.objects.count() == 1
    interface = interfaces.get(slug)
    assert interface is not None
    if not interface.form.is_singleton:  # of one, the others change it
        assert sum(status < 300 for status in answers) == 1
    assert not [status for status in answers if status >= 500]


@pytest.mark.django_db
def test_a_create_counts_twice_however_much_there_is(django_assert_max_num_queries):
    """Before it writes anything, and under the lock."""
    partner = factories.unlimited(factories.partner())
    asked = []
    for more in (1, 20):
        for _ in range(more):
            factories.subscription(partner, "portal")
        with django_assert_max_num_queries(50) as queries:
            factories.subscription(partner, "portal")
        counting = [q for q in queries.captured_queries if "COUNT(" in q["sql"]]
        assert len(counting) == 2
        asked.append(len(queries.captured_queries))
    assert len(set(asked)) == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("templates_of_others")
def test_staff_set_another_number_for_one_partner(admin_client):
    partner = factories.partner()
    factories.subscription(partner, "portal")
    page = admin_client.get(reverse("staff:partner-limits", args=[partner.id]))
    assert "It has 1 now. Empty: 100, as for every partner." in page.content.decode()
    form = {"seen": "{}", "subscriptions": "1", "urls": ""}
    address = reverse("staff:partner-limits", args=[partner.id])
    assert admin_client.post(address, form).status_code == 302
    partner.refresh_from_db()
    assert partner.limits == {"subscriptions": 1}
    entry = AuditEntry.objects.get(action="partner.updated")
    assert (entry.before, entry.after) == (
        {"limits": {}},
        {"limits": {"subscriptions": 1}},
    )
    shown = admin_client.get(reverse("staff:partner", args=[partner.id]))
    text = " ".join(shown.content.decode().split())
    assert "1 <strong>(reached)</strong>" in text
    assert "1 (set for this partner)" in text

    overtaken = admin_client.post(address, {**form, "subscriptions": "5"})
    assert overtaken.status_code == 409
    assert "Somebody else has changed the limits" in overtaken.content.decode()
    for wrong in ("-1", "1000001", "many"):
        again = {**form, "seen": json.dumps(partner.limits), "urls": wrong}
        assert admin_client.post(address, again).status_code == 422


@pytest.mark.django_db
@pytest.mark.parametrize("numbers", [{"nothing": 1}, {"urls": -1}, {"urls": 10**7}])
def test_no_other_number_is_stored(numbers):
    with pytest.raises(ValueError, match="="):
        limit(factories.partner(), **numbers)


@pytest.mark.django_db
@pytest.mark.parametrize("slug", SLUGS)
def test_of_what_it_does_not_know_an_interface_keeps_so_much(slug):
    caller = Caller()
    body = case(slug).body(caller, case(slug).fill(caller))
    unknown = {f"unknown{number}": "x" * 1000 for number in range(50)}
    path = case(slug).create_path(caller)
    answer = caller.send(case(slug).create[0], path, {**body, **unknown})
    if slug == "portal":  # it refuses what it does not know
        assert answer.status_code == 422
        return
    assert answer.status_code < 300, answer.content
    kept = {
        name: value
        for name, value in Subscription.objects.get().extras.items()
        if name in unknown
    }
    assert 0 < len(json.dumps(kept)) <= UNRECOGNISED_BYTES + 100


@pytest.mark.django_db
def test_a_url_that_is_written_often_is_kept_as_often_as_there_may_be_urls():
    """BLAZE's list is answered as it was written."""
    refused = ask_for_one("blaze", Caller(), webHookUrls=[URL] * 21)
    assert refused.status_code == 400
    assert "at most 20 URLs" in refused.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_limit_is_set_while_subscriptions_are_made():
    """Whoever sets it locks the partner's row for itself, which all others refer to."""
    partner = factories.partner()
    start = Barrier(AT_ONCE)

    def run(number: int) -> None:
        try:
            start.wait(PATIENCE)
            for _ in range(5):
                if number:
                    factories.subscription(partner, "portal")
                else:
                    limit(partner, subscriptions=1000)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(run, range(AT_ONCE)))
    assert Subscription.objects.count() == 5 * (AT_ONCE - 1)
