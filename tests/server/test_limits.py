"""The limits that no setting changes, made small enough to be met."""

import re

import pytest

from tests.waiting import eventually

from .application import THREADS
from .serving import serving

ASK = "GET / HTTP/1.1\nHost: x\n\n"


def test_an_idle_connection_is_closed_in_the_end():
    with serving(idle=0.3) as server:
        peer = server.peer()
        peer.send(ASK)
        assert peer.answer().status == 200
        assert peer.ends() == b""


def test_an_idle_connection_outlives_the_time_for_a_head():
    with serving(seconds=1, idle=60) as server:
        idle, silent = server.peer(), server.peer()
        idle.send(ASK)
        assert idle.answer().status == 200
        eventually(lambda: silent.is_closed)
        eventually(lambda: server.get("/").status == 200)
        idle.send(ASK)
        assert idle.answer().status == 200


def test_so_many_requests_wait_and_no_more(tmp_path):
    release = tmp_path / "release"
    with serving(WAITING=3) as server:
        server.hold(THREADS, release)
        waiting = [server.peer() for _ in range(5)]
        for peer in waiting:
            peer.send(ASK)
            server.settle()
        refused = [peer for peer in waiting if peer.has_answer]
        assert refused == waiting[3:]
        answer = refused[0].answer()
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        release.touch()
        assert [peer.answer().status for peer in waiting[:3]] == [200] * 3


def test_a_fast_body_has_a_deadline_too():
    with serving(BODY_SECONDS=0.3) as server:
        peer = server.peer()
        peer.send("POST / HTTP/1.1\nHost: x\nContent-Length: 100000\n\n")
        peer.send(b"a" * 99_999)
        assert peer.answer().status == 408


@pytest.mark.parametrize("sends_on", [True, False])
def test_who_is_refused_has_a_while_to_read_it(sends_on):
    with serving(LINGER_SECONDS=0.5) as server:
        peer = server.peer()
        peer.send("POST /form HTTP/1.1\nHost: x\nContent-Length: 9000000\n\n")
        if sends_on:
            for _ in range(10):
                peer.send(b"a" * 100_000)
        assert peer.answer().status == 413
        assert peer.ends() == b""
        eventually(lambda: not sends_on or _is_refused(peer))


def _is_refused(peer) -> bool:
    try:
        peer.send(b"a" * 100_000)
    except ConnectionError:
        return True
    return False


def test_the_log_tells_in_one_line_how_many_met_a_limit():
    with serving(connections=5, REPORT_SECONDS=0) as server:
        for _ in range(20):
            server.peer()
        assert server.get("/").status == 200
        assert server.process.stderr is not None
        line = server.process.stderr.readline()
    assert re.fullmatch(
        r"Limits of clients were reached: \d+ closed for another connection\.\n", line
    )
