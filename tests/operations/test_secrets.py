"""Signing secrets: two live at most, and what signs while one replaces the other."""

from datetime import UTC, datetime, timedelta

import pytest
import stripe
import time_machine
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from tests import factories
from tests.clock import at
from tests.examples import examples
from tests.operations.outcomes import hook, publish
from webhooks.delivery import wire
from webhooks.delivery.wire import Signing
from webhooks.models import AuditEntry, SigningSecret, Subscription, encryption
from webhooks.operations import (
    given_secrets,
    limits,
    partners,
    rotation,
    secrets,
    subscriptions,
)
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OWN = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(autouse=True)
def _stopped_clock():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def partner():
    return factories.partner()


def signed(partner, profile="standard"):
    first = wire.profile(profile).new_secret()
    made = factories.subscription(partner, profile, secrets=[first])
    SigningSecret.objects.update(created_at=NOW)
    return made, first


def rotate(subscription, *, now=NOW, **fields):
    row = at(now, secrets.rotate, by=SYSTEM, subscription=subscription, **fields)
    return row.reveal()


def live(subscription, at):
    return Subscription.objects.get(id=subscription.id).live_secrets(at)


def test_both_sign_until_the_overlap_is_over(partner):
    made, first = signed(partner)
    second = rotate(made)
    assert second != first
    assert live(made, NOW) == [first, second]
    assert live(made, NOW + 24 * HOUR - timedelta(seconds=1)) == [first, second]
    assert live(made, NOW + 24 * HOUR) == [second]


def test_nobody_ends_a_secret_that_they_have_not_seen(partner):
    made, first = signed(partner)
    known = made.secrets.get().id
    second = rotate(made, seen=known)
    with pytest.raises(subscriptions.Overtaken):
        rotate(made, seen=known)
    assert live(made, NOW) == [first, second]


@pytest.mark.parametrize(
    ("profile", "fit"),
    [("standard", True), ("nursa", True), ("topiic", True), ("capa", False), ("partnero", False), ("blaze", False)],
)  # fmt: skip
def test_it_is_known_whose_header_has_room_for_several_signatures(profile, fit):
    assert wire.profile(profile).signs_with_every_secret is fit


def test_no_overlap_ends_the_old_one_at_once(partner):
    made, _ = signed(partner)
    second = rotate(made, overlap=timedelta(0))
    assert live(made, NOW) == [second]
    assert SigningSecret.objects.count() == 1


def test_a_rotation_while_another_overlap_runs_ends_its_older_secret(partner):
    made, _ = signed(partner)
    second = rotate(made)
    third = rotate(made, now=NOW + HOUR, overlap=2 * HOUR)
    assert live(made, NOW + HOUR) == [second, third]
    assert live(made, NOW + 3 * HOUR) == [third]
    assert SigningSecret.objects.count() == 2


def test_an_end_that_is_sooner_stays(partner):
    made, _ = signed(partner)
    SigningSecret.objects.update(expires_at=NOW + HOUR)
    second = rotate(made, overlap=7 * 24 * HOUR)
    assert live(made, NOW + HOUR) == [second]


def test_a_new_one_signs_where_every_other_has_expired(partner):
    made, _ = signed(partner)
    SigningSecret.objects.update(expires_at=NOW)
    assert live(made, NOW) == []
    second = rotate(made, now=NOW + HOUR)
    assert live(made, NOW + HOUR) == [second]
    assert SigningSecret.objects.count() == 1


@pytest.mark.parametrize(
    "overlap", [timedelta(seconds=-1), timedelta(days=7, seconds=1)]
)
def test_it_bounds_the_overlap(partner, overlap):
    made, first = signed(partner)
    with pytest.raises(rotation.OverlapOutOfRange):
        rotate(made, overlap=overlap)
    assert live(made, NOW) == [first]


def test_what_is_not_signed_has_nothing_to_rotate(partner):
    made = factories.subscription(partner, "blaze")
    with pytest.raises(secrets.NotSigned):
        rotate(made)
    with pytest.raises(secrets.NotSigned):
        rotate(factories.subscription(partner, "blaze", profile="gone", secrets=[]))


@pytest.mark.parametrize(
    ("profile", "secret", "is_taken"),
    [
        ("standard", OWN, True),
        ("standard", OWN.removeprefix("whsec_"), False),
        ("standard", "whsec_c2hvcnQ=", False),
        ("standard", "whsec_%", False),
        ("standard", "", False),
        ("nursa", "any text", True),
        ("nursa", "", False),
        ("capa", "0" * 64, False),
    ],
)
def test_it_takes_a_secret_of_the_profiles_form(partner, profile, secret, is_taken):
    made, first = signed(partner, profile)
    if is_taken:
        assert rotate(made, secret=secret) == secret
        assert live(made, NOW) == [first, secret]
    else:
        with pytest.raises(secrets.UnusableSecret):
            rotate(made, secret=secret)
        assert live(made, NOW) == [first]


def test_a_deleted_subscription_has_no_secrets_to_rotate(partner):
    made, _ = signed(partner)
    subscriptions.delete(by=SYSTEM, subscription=made)
    with pytest.raises(subscriptions.Deleted):
        rotate(made)


def test_it_lists_the_ends_of_live_secrets(partner):
    made, first = signed(partner)
    second = rotate(made)
    masked = at(NOW, secrets.listed, made)
    assert [m.ending for m in masked] == [first[-4:], second[-4:]]
    assert [m.row.expires_at for m in masked] == [NOW + 24 * HOUR, None]
    assert [m.ending for m in at(NOW + 24 * HOUR, secrets.listed, made)] == [
        second[-4:]
    ]


def test_it_lists_nothing_of_a_short_secret_and_none_that_it_cannot_read(partner):
    made = factories.subscription(partner, "nursa", secrets=["short"])
    assert [m.ending for m in at(NOW, secrets.listed, made)] == [""]
    SigningSecret.objects.update(value="gone:AAAA")
    assert [m.ending for m in at(NOW, secrets.listed, made)] == [None]


def test_it_records_rotations_and_who_looked_and_no_secret(partner):
    made, first = signed(partner)
    second = rotate(made)
    row = SigningSecret.objects.live(NOW).last()
    assert at(NOW, secrets.reveal, by=SYSTEM, secret=row) == second
    rotated, revealed = AuditEntry.objects.filter(
        action__startswith="secret."
    ).order_by("id")
    assert (rotated.action, revealed.action) == ("secret.rotated", "secret.revealed")
    assert rotated.target_id == revealed.target_id == str(made.id)
    assert len(rotated.before["secret_ids"]) == 1
    assert len(rotated.after["secret_ids"]) == 2
    assert revealed.after == {"secret_id": str(row.id)}
    for entry in (rotated, revealed):
        assert not {first, second} & set(str([entry.before, entry.after]).split("'"))


def test_it_reveals_no_secret_that_is_gone(partner):
    made, _ = signed(partner)
    row = SigningSecret.objects.get()
    rotate(made)
    with pytest.raises(secrets.Expired):
        at(NOW + 24 * HOUR, secrets.reveal, by=SYSTEM, secret=row)
    SigningSecret.objects.filter(id=row.id).update(value="gone:AAAA")
    with pytest.raises(encryption.Undecryptable):
        at(NOW, secrets.reveal, by=SYSTEM, secret=row)
    assert not AuditEntry.objects.filter(action="secret.revealed").exists()


# --- What an overlap is on the wire --------------------------------------------------


def headers(partner, profile):
    """Those of an attempt during an overlap, with the older and the newer secret."""
    made, first = signed(partner, profile)
    second = rotate(made)
    event = publish(partner).id
    signing = Signing(event, int(NOW.timestamp()), b'{"a":1}', live(made, NOW))
    return wire.profile(profile).sign(signing), first, second


def test_a_receiver_of_standard_webhooks_verifies_with_either(partner, monkeypatch):
    sent, *both = headers(partner, "standard")
    monkeypatch.setattr(Webhook, "_Webhook__verify_timestamp", lambda *_: NOW)
    for secret in both:
        assert Webhook(secret).verify(b'{"a":1}', sent) == {"a": 1}


def test_a_receiver_of_topiic_verifies_with_either(partner):
    sent, *both = headers(partner, "topiic")
    for secret in both:
        stripe.WebhookSignature.verify_header(
            '{"a":1}', sent["Topiic-Signature"], secret, tolerance=None
        )


def test_a_receiver_of_nursa_verifies_with_either(partner):
    sent, *_ = headers(partner, "nursa")
    assert sent["Nursa-Signature"].count("v1=") == 2


@pytest.mark.parametrize(
    ("profile", "header"), [("capa", "capa-signature"), ("partnero", "Signature")]
)
def test_the_older_signs_until_it_expires_where_there_is_room_for_one(
    partner, profile, header
):
    sent, first, second = headers(partner, profile)
    sign = wire.profile(profile).sign
    at = int(NOW.timestamp())
    event = publish(partner).id
    by_first = sign(Signing(event, at, b'{"a":1}', [first]))[header]
    by_second = sign(Signing(event, at, b'{"a":1}', [second]))[header]
    assert sent[header] == by_first != by_second
    made = Subscription.objects.get(profile=profile)
    later = live(made, NOW + 24 * HOUR)
    assert sign(Signing(event, at, b'{"a":1}', later))[header] == by_second


@pytest.mark.django_db(transaction=True)
def test_a_receiver_sees_both_signatures_during_an_overlap(partner, receiver):
    now = datetime.now(UTC)
    made = hook(partner, receiver.url("/hook"), secrets=[OWN])
    second = rotate(made, now=now)
    publish(partner, now=now)
    call_command("deliver", until_idle=True)
    (request,) = receiver.requests
    sent = {name.lower(): value for name, value in request.headers}
    for secret in (OWN, second):
        assert Webhook(secret).verify(request.body, sent)["type"] == "order.created"


@examples(100)
@given(waits=st.lists(st.integers(0, 200), max_size=6), overlap=st.integers(0, 168))
def test_there_are_never_more_than_two_nor_none(waits, overlap):
    made, _ = signed(factories.partner())
    now, newest = NOW, None
    for wait in waits:
        now += wait * HOUR
        newest = rotate(made, now=now, overlap=overlap * HOUR)
        assert 1 <= len(live(made, now)) <= 2
        assert live(made, now)[-1] == newest
        assert SigningSecret.objects.filter(subscription=made).count() <= 2
    if newest:
        assert live(made, now + 169 * HOUR) == [newest]


def test_a_rotation_at_the_limit_is_one_without_an_overlap(partner):
    made = hook(partner)
    partners.update(by=SYSTEM, partner=partner, limits={"secrets": 1})
    before = list(SigningSecret.objects.values())
    with pytest.raises(limits.LimitReached):
        secrets.rotate(by=SYSTEM, subscription=made)
    assert list(SigningSecret.objects.values()) == before
    secrets.rotate(by=SYSTEM, subscription=made, overlap=timedelta(0))
    with pytest.raises(secrets.UnusableSecret):
        secrets.rotate(by=SYSTEM, subscription=made, secret=given_secrets.MASK)
    assert SigningSecret.objects.count() == 1
