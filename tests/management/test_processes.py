import threading

import pytest
from django.core.management import CommandError

from tests.waiting import eventually
from webhooks.management import processes
from webhooks.management.addresses import Address
from webhooks.management.commands import up


def test_what_does_not_end_when_asked_is_ended(monkeypatch):
    monkeypatch.setattr(processes, "STOP_TIMEOUT", 0.0)
    with processes.Group() as group:
        group.start("receiver", ["sample_receiver", "--bind", "127.0.0.1:0"])
        (process,) = group._running.values()
        assert group.ended() is None

    assert process.returncode < 0


def test_it_names_what_ended_and_how():
    with processes.Group() as group:
        group.start("impossible", ["no_such_command"])
        eventually(group.ended)

        assert group.ended() == "The impossible ended (status 1)."
        with pytest.raises(CommandError, match="Nothing is left running"):
            up._wait(Address("127.0.0.1", 9), group, threading.Event())


def test_a_web_server_that_never_answers_is_not_waited_for_forever(monkeypatch):
    monkeypatch.setattr(up, "START_TIMEOUT", 0.2)

    with pytest.raises(CommandError, match="did not answer"):
        up._wait(Address("127.0.0.1", 9), processes.Group(), threading.Event())


def test_it_does_not_wait_when_it_is_told_to_stop():
    stopping = threading.Event()
    stopping.set()

    up._wait(Address("127.0.0.1", 9), processes.Group(), stopping)
