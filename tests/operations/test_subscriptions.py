"""Subscriptions: what every interface's writes have in common."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from time_machine import travel

from tests import factories
from webhooks.models import (
    AuditEntry,
    Delivery,
    Endpoint,
    Event,
    SigningSecret,
    Subscription,
    encryption,
)
from webhooks.operations import endpoints, given_secrets, subscriptions
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
A, B, C = (f"https://{name}.example.com/hook" for name in "abc")


@pytest.fixture(autouse=True)
def _stopped_clock():
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def partner():
    return factories.partner()


def identity(partner, **fields):
    fields.setdefault("dialect", "portal")
    return subscriptions.SubscriptionIdentity(
        partner=partner, profile="standard", **fields
    )


def create(partner, *, at=None, **fields):
    return subscriptions.create(by=SYSTEM, identity=at or identity(partner), **fields)


def fetched(subscription, *, at=NOW):
    return Subscription.objects.whole(at=at).get(id=subscription.id)


def test_it_reads_a_whole_subscription_in_one_statement(
    partner, django_assert_num_queries
):
    made = create(partner, urls=[B, A], secrets=["one", "two"], events=["x"])
    assert made.urls == [B, A]
    assert made.live_secrets(NOW) == ["one", "two"]
    fetched(made)  # Django asks a new SQLite connection once whether it knows JSON
    with django_assert_num_queries(1):
        (whole,) = Subscription.objects.of(partner, "portal").whole(at=NOW)
        assert whole.urls == [B, A]
        assert whole.live_secrets(NOW) == ["one", "two"]
    empty = create(partner, secrets=[])
    assert (fetched(empty).urls, fetched(empty).live_secrets(NOW)) == ([], [])


def test_it_keeps_secrets_encrypted_for_their_own_row(partner):
    made = create(partner, secrets=["first-secret", "second-secret"])
    one, two = SigningSecret.objects.live(NOW)
    assert "first-secret" not in one.value
    assert "first-secret" not in repr(one)
    one.value, two.value = two.value, one.value
    with pytest.raises(encryption.Undecryptable):
        one.reveal()
    assert made.live_secrets(NOW) == ["first-secret", "second-secret"]


def test_it_signs_with_no_secret_that_has_expired(partner):
    made = create(partner, secrets=["old", "new"])
    SigningSecret.objects.filter(id=SigningSecret.objects.live(NOW)[0].id).update(
        expires_at=LATER
    )
    assert fetched(made, at=NOW).live_secrets(NOW) == ["old", "new"]
    assert fetched(made, at=LATER).live_secrets(LATER) == ["new"]


def test_it_shows_a_partner_nothing_of_another_dialect_or_partner(partner):
    made = create(partner)
    stranger = factories.partner()
    assert list(Subscription.objects.of(partner, "portal")) == [made]
    assert not Subscription.objects.of(partner, "other").exists()
    assert not Subscription.objects.of(stranger, "portal").exists()


def test_it_keeps_the_endpoint_of_a_url_that_stays(partner):
    made = create(partner, urls=[A, B])
    kept = Endpoint.objects.get(url=B)
    with travel(LATER, tick=False):
        subscriptions.update(by=SYSTEM, subscription=made, change={"urls": [C, B, C]})
    assert fetched(made).urls == [C, B]
    assert Endpoint.objects.live().get(url=B).id == kept.id
    assert Endpoint.objects.get(url=A).removed_at == LATER


def test_it_gives_a_url_that_returns_a_health_of_its_own(partner):
    made = create(partner, urls=[A])
    for urls in ([B], [A]):
        subscriptions.update(by=SYSTEM, subscription=made, change={"urls": urls})
    assert Endpoint.objects.filter(url=A).count() == 2
    assert fetched(made).urls == [A]


def test_it_changes_what_is_given_and_leaves_the_rest(partner):
    made = create(partner, urls=[A], secrets=["s"], events=["x"], name="One")
    with travel(LATER, tick=False):
        subscriptions.update(by=SYSTEM, subscription=made, change={"name": "Two"})
    now = fetched(made)
    assert (now.name, now.events, now.urls) == ("Two", ["x"], [A])
    assert now.live_secrets(NOW) == ["s"]
    assert now.updated_at == LATER
    entry = AuditEntry.objects.get(action="subscription.updated")
    assert (entry.before, entry.after) == ({"name": "One"}, {"name": "Two"})


def test_it_audits_that_secrets_changed_and_not_what_they_are(partner):
    made = create(partner, secrets=["old-secret"])
    subscriptions.update(
        by=SYSTEM, subscription=made, change={"secrets": ["new-secret"]}
    )
    entry = AuditEntry.objects.get(action="subscription.updated")
    assert entry.before.keys() == entry.after.keys() == {"secret_ids"}
    assert entry.before != entry.after
    assert "secret" not in str(entry.before.values()) + str(entry.after.values())


def test_it_moves_updated_at_even_when_all_is_equal(partner):
    made = create(partner, name="One")
    with travel(LATER, tick=False):
        subscriptions.update(by=SYSTEM, subscription=made, change={"name": "One"})
    assert fetched(made).updated_at == LATER


def test_updated_at_never_goes_back(partner):
    """Not even on a machine whose clock is set back."""
    made = create(partner)
    moments = [made.updated_at]
    for at in (LATER, NOW, NOW - timedelta(days=1), LATER):
        with travel(at, tick=False):
            changed = subscriptions.update(by=SYSTEM, subscription=made, change={})
        moments.append(changed.updated_at)
    with travel(NOW, tick=False):
        subscriptions.delete(by=SYSTEM, subscription=made)
    made.refresh_from_db()
    moments.append(made.updated_at)
    assert moments == sorted(set(moments))


def test_a_change_is_found_out_from_what_is_stored_under_the_lock(partner):
    """`made` is as it was before the first change."""
    made = create(partner, extras={"n": 0}, urls=[A])

    def count(stored):
        assert stored.urls == [A]
        return {"extras": {"n": stored.extras["n"] + 1}}

    for _ in range(3):
        subscriptions.update(by=SYSTEM, subscription=made, change=count)
    made.refresh_from_db()
    assert made.extras == {"n": 3}


def test_a_change_that_cannot_be_found_out_changes_nothing(partner):
    made = create(partner, name="One")

    def refuse(stored):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        subscriptions.update(by=SYSTEM, subscription=made, change=refuse)
    assert fetched(made).updated_at == made.updated_at


@pytest.mark.parametrize(
    ("change", "is_enabled"),
    [
        ({"urls": [B]}, True),
        ({"urls": [A]}, True),
        ({"is_active": True}, True),
        ({"is_active": False}, False),
        ({"name": "Two"}, False),
    ],
)
def test_it_enables_what_the_portal_disabled_when_its_owner_acts(
    partner, change, is_enabled
):
    made = create(partner, urls=[A])
    Subscription.objects.update(disabled_at=NOW, disabled_reason="Gone (410).")
    subscriptions.update(by=SYSTEM, subscription=made, change=change)
    assert (fetched(made).disabled_at is None) == is_enabled
    assert (fetched(made).disabled_reason == "") == is_enabled


@pytest.mark.parametrize("url", ["http://example.com/", "https://10.0.0.1/", "x"])
def test_it_saves_no_url_that_may_not_be_called(partner, url):
    made = create(partner, urls=[A])
    with pytest.raises(endpoints.UrlRefused) as caught:
        create(partner, urls=[A, url])
    assert caught.value.url == url
    assert caught.value.reason
    with pytest.raises(endpoints.UrlRefused):
        subscriptions.update(by=SYSTEM, subscription=made, change={"urls": [url]})
    assert Subscription.objects.count() == 1
    assert fetched(made).urls == [A]


def test_it_bounds_endpoints_and_secrets(partner):
    urls = [f"https://example.com/{n}" for n in range(endpoints.MAX_ENDPOINTS + 1)]
    with pytest.raises(endpoints.TooManyEndpoints):
        create(partner, urls=urls)
    with pytest.raises(given_secrets.TooManySecrets):
        create(partner, secrets=["a", "b", "c"])
    assert not Subscription.objects.exists()


def test_it_refuses_a_public_id_twice_until_the_first_is_deleted(partner):
    at = identity(partner, public_id="mine")
    made = create(partner, at=at)
    with pytest.raises(subscriptions.PublicIdTaken):
        create(partner, at=at)
    create(partner, at=identity(factories.partner(), public_id="mine"))
    subscriptions.delete(by=SYSTEM, subscription=made)
    assert create(partner, at=at).public_id == "mine"


@pytest.mark.parametrize(
    ("claim", "state"),
    [
        ({}, "cancelled"),
        ({"claim_token": uuid4()}, "cancelled"),  # a broker holds it
        ({"claim_token": uuid4(), "is_begun": True}, "pending"),  # its worker cancels
    ],
)
def test_it_ends_what_is_queued_along_with_the_subscription(partner, claim, state):
    made = create(partner, urls=[A])
    event = Event.objects.create(
        partner=partner, type="x", data={}, occurred_at=NOW, created_at=NOW, matched=1
    )
    waiting = Delivery.objects.create(
        event=event,
        partner=partner,
        subscription=made,
        endpoint=made.endpoints.get(),
        url=A,
        profile="standard",
        state="pending",
        created_at=NOW,
        due_at=NOW,
        **claim,
    )
    with travel(LATER, tick=False):
        subscriptions.delete(by=SYSTEM, subscription=made)
    waiting.refresh_from_db()
    assert waiting.state == state
    if state == "cancelled":
        assert (waiting.settled_at, waiting.claim_token) == (LATER, None)
        assert waiting.reason == "The subscription was deleted."
    assert not Subscription.objects.of(partner, "portal").exists()


def test_it_says_when_the_subscription_is_gone(partner):
    made = create(partner)
    subscriptions.delete(by=SYSTEM, subscription=made)
    with pytest.raises(subscriptions.Deleted):
        subscriptions.delete(by=SYSTEM, subscription=made)
    with pytest.raises(subscriptions.Deleted):
        subscriptions.update(by=SYSTEM, subscription=made, change={"name": "x"})


def test_a_new_one_has_a_secret_where_its_profile_signs(partner):
    now = timezone.now()
    given = create(partner, secrets=["mine"])
    assert given.live_secrets(now) == ["mine"]
    one, other = (create(partner).live_secrets(now)[0] for _ in range(2))
    assert one.startswith("whsec_")
    assert one != other
    unsigned = factories.subscription(partner, "blaze")
    assert unsigned.live_secrets(now) == []


def test_it_puts_the_one_subscription_of_a_partner(partner):
    at = identity(partner, is_singleton=True)
    first = subscriptions.put(by=SYSTEM, identity=at, change={"urls": [A]})
    second = subscriptions.put(by=SYSTEM, identity=at, change={"urls": []})
    assert second.id == first.id
    (secret,) = first.live_secrets(timezone.now())
    assert fetched(second).urls == []
    assert fetched(second).live_secrets(timezone.now()) == [secret]
    row = Subscription.objects.filter(id=first.id).values().get()
    row |= {"id": partner.id, "public_id": "another"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Subscription.objects.create(**row)


def test_it_puts_one_subscription_for_each_key(partner):
    one, two = (factories.key(partner)[0] for _ in range(2))
    for key in (one, two, one):
        subscriptions.put(
            by=SYSTEM, identity=identity(partner, api_key=key), change={"urls": [A]}
        )
    assert Subscription.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_first_puts_at_once_end_in_one_subscription(partner):
    at = identity(partner, is_singleton=True)
    gate, failures = threading.Barrier(4), []

    def put(number):
        try:
            gate.wait()
            subscriptions.put(by=SYSTEM, identity=at, change={"name": str(number)})
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=put, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Subscription.objects.count() == 1
    assert AuditEntry.objects.filter(dialect="portal").count() == 4


def test_a_put_that_can_neither_find_nor_create_says_so(partner):
    # Another kind of row holds the id that this one would get.
    at = identity(partner, public_id="taken", is_singleton=True)
    create(partner, at=identity(partner, public_id="taken"))
    with pytest.raises(subscriptions.Deleted):
        subscriptions.put(by=SYSTEM, identity=at, change={})
    assert Subscription.objects.count() == 1
