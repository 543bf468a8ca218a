"""Keys: shown once, checked in one statement, closed at once."""

import functools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from tests import factories
from tests.clock import at
from tests.waiting import PATIENCE
from webhooks.models import ApiKey, AuditEntry, Subscription, keyformat
from webhooks.operations import access, keys, limits, rotation, subscriptions
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def partner():
    return factories.partner()


def test_it_gives_the_text_once_and_stores_only_its_digest(partner):
    key, text = at(NOW, keys.issue, by=SYSTEM, partner=partner, name="CI")
    stored = json.dumps(list(ApiKey.objects.values()), default=str)
    audited = json.dumps(list(AuditEntry.objects.values()), default=str)
    assert text not in stored + audited
    assert text[15:] not in stored + audited
    assert key.prefix in stored


def test_it_authenticates_in_one_select(partner, django_assert_num_queries):
    _, text = factories.key(partner)
    at(NOW, keys.authenticate, text)  # notes the use
    with django_assert_num_queries(1):
        key = at(NOW, keys.authenticate, text)
        assert key.partner == partner


def test_it_asks_nothing_about_what_is_no_key(django_assert_num_queries):
    with django_assert_num_queries(0):
        for text in (None, ""):
            with pytest.raises(keys.Missing):
                at(NOW, keys.authenticate, text)
        for text in ("x", "whk_0123456789_" + "a" * 38, "ключ", "whk_\0"):
            with pytest.raises(keys.Malformed):
                at(NOW, keys.authenticate, text)


def test_it_notes_the_use_at_most_once_a_minute(partner, django_assert_num_queries):
    key, text = factories.key(partner)
    for seconds, statements in ((0, 2), (1, 1), (59, 1), (60, 2), (61, 1)):
        with django_assert_num_queries(statements):
            at(NOW + timedelta(seconds=seconds), keys.authenticate, text)
    key.refresh_from_db()
    assert key.last_used_at == NOW + timedelta(seconds=60)


def test_it_knows_a_key_by_its_whole_text(partner):
    key, text = factories.key(partner)
    _, other = factories.key(partner)
    forged = key.prefix.join(other.split(other[4:14]))
    with pytest.raises((keys.Malformed, keys.Invalid)):
        at(NOW, keys.authenticate, forged)
    ApiKey.objects.filter(pk=key.pk).update(digest="0" * 64)
    with pytest.raises(keys.Invalid):
        at(NOW, keys.authenticate, text)


def test_it_refuses_a_key_from_the_moment_it_expires(partner):
    _, text = factories.key(partner, expires_at=NOW)
    assert at(NOW - timedelta(microseconds=1), keys.authenticate, text)
    with pytest.raises(keys.Invalid):
        at(NOW, keys.authenticate, text)


def test_it_refuses_a_key_of_the_other_kind(partner):
    _, of_partner = factories.key(partner)
    _, of_publisher = factories.key(None)
    with pytest.raises(keys.WrongKind):
        at(NOW, keys.authenticate, of_publisher)
    with pytest.raises(keys.WrongKind):
        at(NOW, keys.authenticate, of_partner, kind=ApiKey.Kind.PUBLISHER)
    assert at(NOW, keys.authenticate, of_publisher, kind=ApiKey.Kind.PUBLISHER)


def test_it_refuses_a_key_whose_pepper_is_gone(partner, settings):
    _, text = factories.key(partner)
    former = settings.KEY_PEPPERS
    settings.KEY_PEPPERS = {2: b"another"}
    with pytest.raises(keys.Invalid):
        at(NOW, keys.authenticate, text)
    settings.KEY_PEPPERS = {2: b"another", **former}
    assert at(NOW, keys.authenticate, text)


def test_it_revokes_once_and_for_good(partner):
    key, text = factories.key(partner)
    at(NOW, keys.revoke, by=SYSTEM, key=key)
    assert at(NOW + timedelta(days=1), keys.revoke, by=SYSTEM, key=key) == []
    key.refresh_from_db()
    assert key.revoked_at == NOW
    with pytest.raises(keys.Invalid):
        at(NOW, keys.authenticate, text)
    assert AuditEntry.objects.filter(action="key.revoked").count() == 1


def test_it_narrows_a_key_by_its_scopes(partner):
    free, _ = factories.key(partner)
    reader, _ = factories.key(partner, scopes=[keys.READ])
    of_shop, _ = factories.key(partner, scopes=["shop:s-1", "shop:s-2"])
    assert keys.may(free, keys.WRITE)
    assert keys.may(reader, keys.READ)
    assert not keys.may(reader, keys.WRITE)
    assert keys.may(of_shop, keys.WRITE)
    assert of_shop.shops == ("s-1", "s-2")
    assert reader.shops == ()


@pytest.mark.parametrize("scope", ["", "everything", "shop:", "events:publish"])
def test_it_issues_no_key_with_a_scope_it_does_not_know(partner, scope):
    with pytest.raises(keys.UnknownScope):
        at(NOW, keys.issue, by=SYSTEM, partner=partner, scopes=[scope])
    assert not ApiKey.objects.exists()


def test_a_key_has_so_many_scopes_and_its_shops_so_long_names(partner):
    shops = [f"shop:{number:0255}" for number in range(100)]
    key, _ = at(NOW, keys.issue, by=SYSTEM, partner=partner, scopes=shops)
    assert len(key.shops) == 100
    for scopes in ([*shops, "shop:s-1"], [f"shop:{0:0256}"], [keys.READ] * 101):
        with pytest.raises(limits.LimitReached):
            at(NOW, keys.issue, by=SYSTEM, partner=partner, scopes=scopes)
    assert ApiKey.objects.count() == 1


def test_it_issues_a_publisher_no_scope_of_partners():
    with pytest.raises(keys.UnknownScope):
        at(NOW, keys.issue, by=SYSTEM, partner=None, scopes=["shop:s-1"])
    key, _ = at(NOW, keys.issue, by=SYSTEM, partner=None, scopes=[keys.PUBLISH])
    assert key.kind == ApiKey.Kind.PUBLISHER


def test_the_database_holds_a_key_to_a_partner_unless_it_publishes(partner):
    key, _ = factories.key(partner)
    for change in ({"kind": "publisher"}, {"partner": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiKey.objects.filter(pk=key.pk).update(**change)


def test_it_never_hides_that_a_key_could_not_be_written(partner, monkeypatch):
    twice = keyformat.generate()
    monkeypatch.setattr(keyformat, "generate", lambda: twice)
    factories.key(partner)
    with pytest.raises(IntegrityError):
        factories.key(partner)
    assert ApiKey.objects.count() == AuditEntry.objects.count() - 1 == 1


# --- Replacing -----------------------------------------------------------------------

DAY = timedelta(days=1)


def test_a_replaced_key_opens_until_the_overlap_is_over():
    partner = factories.partner()
    old, text = at(
        NOW,
        keys.issue,
        by=SYSTEM,
        partner=partner,
        name="CRM",
        scopes=["shop:s1", keys.READ],
    )
    new, new_text = at(NOW, keys.rotate, by=SYSTEM, key=old)
    assert new_text != text
    assert (new.partner, new.name, new.scopes) == (partner, "CRM", old.scopes)
    assert new.expires_at is None
    last = NOW + DAY - timedelta(seconds=1)
    assert at(last, keys.authenticate, text).id == old.id
    assert at(NOW + DAY, keys.authenticate, new_text).id == new.id
    with pytest.raises(keys.Invalid):
        at(NOW + DAY, keys.authenticate, text)
    entry = AuditEntry.objects.get(action="key.rotated")
    assert entry.target_id == str(old.id)
    assert entry.after["replaced_by"] == str(new.id)


def test_a_replaced_key_lasts_as_long_again_and_no_end_is_put_off():
    old, _ = at(
        NOW, keys.issue, by=SYSTEM, partner=None, expires_at=NOW + timedelta(days=90)
    )
    later = NOW + timedelta(days=89, hours=12)
    new, _ = at(later, keys.rotate, by=SYSTEM, key=old)
    assert new.kind == "publisher"
    assert new.expires_at == later + timedelta(days=90)
    old.refresh_from_db()
    assert old.expires_at == NOW + timedelta(days=90)
    with pytest.raises(keys.Unusable):
        at(NOW + timedelta(days=90), keys.rotate, by=SYSTEM, key=old)


def test_a_key_that_lasts_to_the_end_of_the_calendar_is_replaced():
    ends = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    old, _ = at(NOW, keys.issue, by=SYSTEM, partner=None, expires_at=ends)
    new, _ = at(NOW + DAY, keys.rotate, by=SYSTEM, key=old)
    assert new.expires_at is not None
    assert new.expires_at >= ends


def test_of_a_key_that_was_replaced_the_key_in_its_place_is_replaced(partner):
    """The first answer is lost, and the request made again."""
    old, _ = at(NOW, keys.issue, by=SYSTEM, partner=partner)
    lost, _ = at(NOW, keys.rotate, by=SYSTEM, key=old)
    new, _ = at(NOW + DAY / 2, keys.rotate, by=SYSTEM, key=old, overlap=DAY)
    assert new.expires_at is None
    old.refresh_from_db()
    lost.refresh_from_db()
    assert (old.replaced_by, lost.replaced_by) == (new, new)
    assert (old.expires_at, lost.expires_at) == (NOW + DAY, NOW + DAY * 1.5)
    rotated = AuditEntry.objects.filter(action="key.rotated").values_list("target_id")
    assert [id for (id,) in rotated.order_by("id")] == [
        str(id) for id in (old.id, old.id, lost.id)
    ]


def test_of_the_former_keys_of_a_chain_the_last_hundred_are_kept(partner):
    """Those that still work beside them."""
    old, old_text = factories.key(partner)
    latest, _ = at(NOW, keys.rotate, by=SYSTEM, key=old, overlap=DAY)
    gone = kept_for(latest)
    subscriptions.delete(by=SYSTEM, subscription=gone)
    for number in range(150):
        made_at = latest.created_at + timedelta(microseconds=number - 200)
        ApiKey.objects.create(
            partner=partner,
            prefix=f"{number:010}",
            pepper=1,
            created_at=made_at,
            expires_at=NOW,
            replaced_by=latest,
        )
    first = ApiKey.objects.exclude(pk=old.pk).earliest("created_at")
    ApiKey.objects.filter(pk=old.pk).update(created_at=NOW - DAY)
    Subscription.objects.filter(pk=gone.pk).update(api_key=first)
    new, _ = at(NOW, keys.rotate, by=SYSTEM, key=latest)
    former = ApiKey.objects.filter(replaced_by=new).order_by("-created_at")
    assert old in former
    assert former.exclude(pk=old.pk).count() == 100
    assert former[0] == latest
    assert not ApiKey.objects.filter(pk=first.pk).exists()
    assert Subscription.objects.get(pk=gone.pk).api_key is None
    assert at(NOW, keys.authenticate, old_text) == old


def test_a_key_lasts_as_long_as_one_whose_replacement_was_revoked(partner):
    year = timedelta(days=365)
    old, _ = at(NOW, keys.issue, by=SYSTEM, partner=partner, expires_at=NOW + year)
    lost, _ = at(NOW, keys.rotate, by=SYSTEM, key=old)
    keys.revoke(by=SYSTEM, key=lost)
    new, _ = at(NOW + DAY / 2, keys.rotate, by=SYSTEM, key=old)
    assert new.expires_at == NOW + DAY / 2 + year


def test_no_overlap_closes_the_old_key_at_once():
    old, text = at(NOW, keys.issue, by=SYSTEM, partner=factories.partner())
    at(NOW, keys.rotate, by=SYSTEM, key=old, overlap=timedelta(0))
    with pytest.raises(keys.Invalid):
        at(NOW, keys.authenticate, text)


def test_a_key_that_is_closed_is_not_replaced():
    old, _ = at(NOW, keys.issue, by=SYSTEM, partner=factories.partner())
    for overlap in (timedelta(seconds=-1), timedelta(days=7, seconds=1)):
        with pytest.raises(rotation.OverlapOutOfRange):
            at(NOW, keys.rotate, by=SYSTEM, key=old, overlap=overlap)
    at(NOW, keys.revoke, by=SYSTEM, key=old)
    with pytest.raises(keys.Unusable):
        at(NOW, keys.rotate, by=SYSTEM, key=old)
    assert ApiKey.objects.count() == 1


# --- At once -------------------------------------------------------------------------


def at_once(*acts):
    """What each act returns or raises, all of them begun at the same moment."""
    start = threading.Barrier(len(acts))

    def run(act):
        try:
            start.wait(PATIENCE)
            return act()
        except (keys.Unusable, access.NotFound, subscriptions.KeyRevoked) as refused:
            return type(refused)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [
            each.result(PATIENCE) for each in [pool.submit(run, act) for act in acts]
        ]


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_rotated_and_revoked_at_once_is_revoked(partner):
    """Neither write undoes the other, whichever is first, nor does a use between them."""
    for _ in range(5):
        old, text = factories.key(partner)
        now = timezone.now()
        rotated, *_ = at_once(
            lambda old=old: keys.rotate(by=SYSTEM, key=old),
            lambda old=old: keys.revoke(by=SYSTEM, key=old, with_descendants=False),
            lambda old=old, now=now: keys._note_use(old, now),
        )
        old.refresh_from_db()
        assert old.is_revoked
        assert old.last_used_at == now
        with pytest.raises(keys.Invalid):
            keys.authenticate(text)
        if rotated is keys.Unusable:
            assert old.expires_at is None
        else:
            assert now + DAY <= old.expires_at <= timezone.now() + DAY
            assert keys.authenticate(rotated[1]).id == rotated[0].id


@pytest.mark.parametrize(
    ("mine", "theirs", "covers"),
    [
        ([], [], True),
        ([], [keys.READ, "shop:s1"], True),
        ([keys.READ], [], False),
        ([keys.READ], [keys.READ], True),
        ([keys.READ], [keys.READ, keys.WRITE], False),
        ([keys.READ, keys.MANAGE], [keys.READ], True),
        (["shop:s1"], [], False),
        (["shop:s1"], ["shop:s1", keys.READ], True),
        (["shop:s1"], ["shop:s1", "shop:s2"], False),
        (["shop:s1", "shop:s2"], ["shop:s2"], True),
        ([keys.READ], ["shop:s1"], False),
        (["shop:s1", keys.READ], ["shop:s1", keys.READ], True),
        (["shop:s1", keys.READ], ["shop:s1"], False),
        (["shop:it's \\ \" %s é"], ["shop:it's \\ \" %s é"], True),
    ],
)
def test_a_key_covers_what_may_do_no_more(mine, theirs, covers):
    partner = factories.partner()
    one, two = (factories.key(partner, scopes=s)[0] for s in (mine, theirs))
    found = ApiKey.objects.filter(pk=two.pk).covered_by(one)
    assert found.exists() is covers


# --- What is kept for a key ----------------------------------------------------------


def kept_for(key, **fields):
    return factories.subscription(key.partner, "topiic", api_key=key, **fields)


def test_what_is_kept_for_a_key_moves_to_the_one_that_replaces_it(partner):
    old, _ = factories.key(partner)
    made = kept_for(old)
    new, _ = keys.rotate(by=SYSTEM, key=old)
    moved = Subscription.objects.get()
    assert (moved.id, moved.api_key, moved.public_id) == (made.id, new, str(new.id))
    assert moved.updated_at > made.updated_at
    entry = AuditEntry.objects.get(action="subscription.updated")
    assert entry.after == {"api_key": str(new.id)}
    keys.revoke(by=SYSTEM, key=old, with_descendants=False)
    assert Subscription.objects.get().is_receiving


def test_what_is_kept_for_a_key_follows_it_through_two_rotations(partner):
    old, _ = factories.key(partner)
    kept_for(old)
    keys.rotate(by=SYSTEM, key=old)
    new, _ = keys.rotate(by=SYSTEM, key=old)
    at_its_id = subscriptions.SubscriptionIdentity(
        partner=partner, dialect="topiic", profile="topiic", api_key=old
    )
    subscriptions.put(by=SYSTEM, identity=at_its_id, change={"is_active": False})
    (only,) = Subscription.objects.live()
    assert (only.api_key, only.is_active) == (new, False)


@pytest.mark.django_db(transaction=True)
def test_a_key_is_used_and_replaced_twice_at_once(partner):
    """All lock the older key before the newer; in two orders PostgreSQL would end one."""
    for _ in range(10):
        first, _ = factories.key(partner)
        second, _ = keys.rotate(by=SYSTEM, key=first)
        use = functools.partial(
            subscriptions.put,
            by=SYSTEM,
            identity=subscriptions.SubscriptionIdentity(
                partner=partner, dialect="topiic", profile="topiic", api_key=first
            ),
            change={"urls": ["https://receiver.example.com/hook"]},
        )
        at_once(
            use,
            functools.partial(keys.rotate, by=SYSTEM, key=first),
            functools.partial(keys.rotate, by=SYSTEM, key=second),
            use,
        )
        live = Subscription.objects.live().filter(partner=partner)
        (only,) = live.exclude(api_key__replaced_by__isnull=False)
        assert only.api_key == ApiKey.objects.get(pk=first.pk).replaced_by
        assert live.count() == 1
        subscriptions.delete(by=SYSTEM, subscription=only)


def test_what_is_kept_for_a_key_is_switched_off_when_the_key_is_revoked(partner):
    key, _ = factories.key(partner)
    kept_for(key)
    other = factories.subscription(partner, "portal", profile="standard")
    keys.revoke(by=SYSTEM, key=key)
    assert Subscription.objects.get(api_key=key).state == Subscription.State.OFF
    assert Subscription.objects.get(id=other.id).is_receiving
    entry = AuditEntry.objects.get(action="subscription.updated")
    assert (entry.before, entry.after) == ({"is_active": True}, {"is_active": False})
    keys.revoke(by=SYSTEM, key=key)
    assert AuditEntry.objects.filter(action="subscription.updated").count() == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_receives_for_a_key_that_is_revoked_at_the_same_time(partner):
    for _ in range(5):
        key, _ = factories.key(partner)
        identity = subscriptions.SubscriptionIdentity(
            partner=partner, dialect="topiic", profile="topiic", api_key=key
        )
        at_once(
            lambda key=key: keys.revoke(by=SYSTEM, key=key),
            *[
                lambda identity=identity: subscriptions.put(
                    by=SYSTEM, identity=identity, change={"is_active": True}
                )
            ]
            * 3,
        )
    assert not any(row.is_receiving for row in Subscription.objects.all())


def test_what_is_kept_for_a_revoked_key_is_not_switched_on_again(partner):
    key, _ = factories.key(partner)
    made = kept_for(key)
    keys.revoke(by=SYSTEM, key=key)
    with pytest.raises(subscriptions.KeyRevoked):
        subscriptions.update(by=SYSTEM, subscription=made, change={"is_active": True})
    subscriptions.update(by=SYSTEM, subscription=made, change={"name": "Kept"})
    assert Subscription.objects.get().state == Subscription.State.OFF


@pytest.mark.django_db(transaction=True)
def test_nothing_is_switched_on_while_its_key_is_revoked(partner):
    for _ in range(5):
        key, _ = factories.key(partner)
        made = kept_for(key, is_active=False)
        at_once(
            lambda key=key: keys.revoke(by=SYSTEM, key=key),
            lambda made=made: subscriptions.update(
                by=SYSTEM, subscription=made, change={"is_active": True}
            ),
        )
    assert not any(row.is_receiving for row in Subscription.objects.all())


def test_a_rotation_ends_what_was_made_of_the_key_meanwhile(partner):
    """A thief has rotated it twice; the last is not the only one that must end."""
    stolen, _ = factories.key(partner)
    minted = [keys.rotate(by=SYSTEM, key=stolen) for _ in range(2)]
    new, text = keys.rotate(by=SYSTEM, key=stolen, overlap=timedelta(0))
    for _, each in minted:
        with pytest.raises(keys.Invalid):
            keys.authenticate(each)
    assert keys.authenticate(text) == new
