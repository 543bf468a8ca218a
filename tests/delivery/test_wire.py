import uuid
from dataclasses import replace

import pytest

from webhooks.delivery import standard, wire
from webhooks.delivery.schedule import Schedule
from webhooks.delivery.wire import Signing, WireProfile

PLAIN = WireProfile(
    name="plain",
    event_names={"order.created": "NEW_ORDER"},
    render=standard.render,
    schedule=Schedule(waits=(0,)),
    timeout=5,
)


def test_a_profile_names_only_what_it_can_express():
    assert PLAIN.name_of("order.created") == "NEW_ORDER"
    assert PLAIN.name_of("order.updated") is None
    passing = replace(PLAIN, passes_unknown=True)
    assert passing.name_of("order.created") == "NEW_ORDER"
    assert passing.name_of("order.updated") == "order.updated"


def test_unless_it_says_more_a_profile_sends_what_is_listed_and_signs_nothing():
    assert PLAIN.matches(["NEW_ORDER"], "NEW_ORDER")
    assert not PLAIN.matches(["OTHER"], "NEW_ORDER")
    assert not PLAIN.matches(None, "NEW_ORDER")
    assert PLAIN.headers(uuid.uuid4()) == {}
    assert PLAIN.sign(Signing(uuid.uuid4(), 1, b"{}", ["secret"])) == {}


def test_a_profile_is_found_by_its_name_and_registered_once(monkeypatch):
    monkeypatch.setattr(wire, "_profiles", {})

    wire.register(PLAIN)
    wire.register(PLAIN)

    assert wire.profile("plain") is PLAIN
    assert dict(wire.profiles()) == {"plain": PLAIN}
    with pytest.raises(wire.DuplicateProfile):
        wire.register(replace(PLAIN))
    with pytest.raises(wire.UnknownProfile):
        wire.profile("fancy")


def test_every_schedule_begins_and_every_attempt_is_bounded():
    for profile in wire.profiles().values():
        assert profile.schedule.attempts >= 1
        # A lease must outlast two attempts that wait before one's own.
        assert 0 < profile.timeout <= 25
