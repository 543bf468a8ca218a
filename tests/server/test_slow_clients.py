"""Clients that are slow, many, greedy or gone hold up nobody else."""

import os
import signal
import time

import pytest

from tests.waiting import PATIENCE, eventually

from .application import THREADS
from .serving import Peer, Server, serving

HALF = {
    "chunked": "PUT / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n1\n",
    "body": "POST /long HTTP/1.1\nHost: x\nContent-Length: 1000\n\na",
    "form": "POST / HTTP/1.1\nHost: x\nCookie: csrftoken=a\nContent-Length: 1000\n\na",
    "head": "GET / HTTP/1.1\nHost: x\nX-Y: ",
    "line": "GE",
    "silent": "",
}
ASK = "GET / HTTP/1.1\nHost: x\n\n"


def crowd(server: Server, count: int, text: str) -> list[Peer]:
    peers = [server.peer() for _ in range(count)]
    for peer in peers:
        peer.send(text)
    server.settle()
    return peers


# --- Half-sent requests ---------------------------------------------------------------


@pytest.mark.parametrize("form", HALF)
def test_half_sent_requests_hold_no_thread(form):
    with serving() as server:
        waiting = crowd(server, 50 * THREADS, HALF[form])
        for _ in range(10):
            assert server.get("/").status == 200
        assert not any(peer.is_closed for peer in waiting)


def test_connections_that_idle_hold_no_thread():
    with serving() as server:
        idle = crowd(server, 50 * THREADS, ASK)
        assert {peer.answer().status for peer in idle} == {200}
        assert server.get("/").status == 200
        idle[0].send(ASK)
        assert idle[0].answer().status == 200


@pytest.mark.parametrize("form", HALF)
def test_half_sent_requests_have_a_deadline(form):
    with serving(seconds=0.3) as server:
        peer = server.peer()
        peer.send(HALF[form])
        if form == "silent":
            assert peer.ends() == b""
            return
        answer = peer.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert peer.ends() == b""


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_body_that_trickles_is_cut_off(is_chunked):
    framing = "Transfer-Encoding: chunked" if is_chunked else "Content-Length: 9000"
    with serving(seconds=0.3, rate=1000) as server:
        peer = server.peer()
        peer.send(f"POST / HTTP/1.1\nHost: x\n{framing}\n\n")
        trickle = b"1\r\na\r\n" if is_chunked else b"a"
        # Never silent for long, and yet far too slow.
        eventually(lambda: peer.is_closed or _sends(peer, trickle))
        assert b" 408 " in peer.ends()


def test_trickled_headers_are_cut_off():
    with serving(seconds=0.3) as server:
        peer = server.peer()
        peer.send("GET / HTTP/1.1\n")
        eventually(lambda: peer.is_closed or _sends(peer, b"X: y\r\n"))
        assert b" 408 " in peer.ends()


def _sends(peer: Peer, data: bytes) -> bool:
    """Whether the other side has ended it."""
    time.sleep(0.02)
    try:
        peer.send(data)
    except ConnectionError:
        return True
    return bool(peer.has_answer)


def test_a_body_at_the_slowest_rate_arrives():
    with serving(seconds=1, rate=250) as server:
        peer = server.peer()
        peer.send("POST / HTTP/1.1\nHost: x\nContent-Length: 5000\n\n")
        for _ in range(5):  # twice as long as the grace
            time.sleep(0.4)
            peer.send(b"a" * 1000)
        assert peer.answer().json()["body"] == 5000


# --- Too many connections -------------------------------------------------------------


def test_more_connections_than_are_kept_stop_nobody():
    with serving(connections=20) as server:
        regular = server.peer()
        regular.send(ASK)
        assert regular.answer().status == 200
        for form in HALF:
            first = crowd(server, 1, HALF[form])[0]
            crowd(server, 40, HALF[form])
            eventually(lambda peer=first: peer.is_closed)
            assert server.get("/").status == 200
        # Who was answered before gives way after the strangers.
        regular.send(ASK)
        assert regular.answer().status == 200


def test_the_connection_that_waits_longest_gives_way_first():
    with serving(connections=3) as server:
        waiting = [crowd(server, 1, HALF["head"])[0] for _ in range(2)]
        server.peer()
        newest = server.peer()
        eventually(lambda: waiting[0].is_closed)
        newest.send(ASK)
        assert newest.answer().status == 200


def test_a_request_that_is_worked_on_is_not_given_up(tmp_path):
    release = tmp_path / "release"
    with serving(connections=5) as server:
        held = server.hold(1, release)[0]
        crowd(server, 20, HALF["head"])
        release.touch()
        assert held.answer().body == b"held"


# --- Too much memory ------------------------------------------------------------------


def test_bodies_that_are_too_much_together_give_way_to_small_ones():
    with serving(memory=1_000_000) as server:
        greedy = [server.peer() for _ in range(10)]
        for peer in greedy:
            peer.send("POST /long HTTP/1.1\nHost: x\nContent-Length: 1900000\n\n")
            peer.send(b"x" * 200_000)
        small = server.peer()
        small.send("POST / HTTP/1.1\nHost: x\nContent-Length: 3\n\nabc")
        assert small.answer().json()["body"] == 3
        eventually(lambda: sum(peer.has_answer for peer in greedy) >= 6)
        refused = next(peer for peer in greedy if peer.has_answer).answer()
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")


def test_waiting_requests_count_too(tmp_path):
    release = tmp_path / "release"
    with serving(memory=1_000_000) as server:
        held = server.hold(THREADS, release)
        body = "x" * 300_000
        whole = f"POST /long HTTP/1.1\nHost: x\nContent-Length: 300000\n\n{body}"
        waiting = crowd(server, 4, whole)
        small = server.peer()
        small.send(ASK)
        eventually(lambda: any(peer.has_answer for peer in waiting))
        release.touch()
        answers = sorted(peer.answer().status for peer in waiting)
        assert answers[0] == 200
        assert answers[-1] == 503
        assert small.answer().status == 200
        assert {peer.answer().status for peer in held} == {200}


# --- Slow readers ---------------------------------------------------------------------

BIG = "GET /big?8000000 HTTP/1.1\nHost: x\nConnection: close\n\n"


def test_an_answer_that_is_not_read_holds_no_thread():
    with serving(seconds=1, rate=10_000_000) as server:
        readers = [server.peer() for _ in range(3 * THREADS)]
        for peer in readers:
            peer.send(BIG)
        assert server.get("/").status == 200
        # And it is not kept for ever.
        eventually(lambda: all(len(peer.ends()) < 8_000_000 for peer in readers[:1]))


def test_answers_that_are_too_much_together_give_way():
    with serving(memory=20_000_000) as server:
        readers = [server.peer() for _ in range(8)]
        for peer in readers:
            peer.send(BIG)
        assert server.get("/").status == 200
        assert min(len(peer.ends()) for peer in readers) < 8_000_000


def test_a_slow_reader_that_reads_has_the_whole_answer():
    with serving(seconds=0.5, rate=100_000) as server:
        peer = server.peer()
        peer.send("GET /big?3000000 HTTP/1.1\nHost: x\nConnection: close\n\n")
        found = 0
        while data := peer.socket.recv(200_000):
            found += len(data)
            time.sleep(0.05)
        assert found > 3_000_000


# --- The processes --------------------------------------------------------------------


def test_it_stops_when_the_requests_that_run_are_answered(tmp_path):
    release = tmp_path / "release"
    with serving() as server:
        idle = crowd(server, 1, ASK)[0]
        assert idle.answer().status == 200
        silent = crowd(server, 1, "")[0]
        held = server.hold(1, release)[0]
        body = crowd(server, 1, HALF["body"])[0]
        server.process.send_signal(signal.SIGTERM)
        assert idle.ends() == silent.ends() == b""
        body.send(b"a" * 999)
        assert body.answer().headers["connection"] == "close"
        release.touch()
        assert held.answer().body == b"held"
        assert server.process.wait(PATIENCE) == 0


def test_a_request_that_does_not_end_is_ended(tmp_path):
    with serving(stop_seconds=0.2) as server:
        server.hold(1, tmp_path / "never")
        assert server.stop() == 0


def test_a_second_ctrl_c_waits_for_nothing(tmp_path):
    with serving(stop_seconds=10 * PATIENCE) as server:
        server.hold(1, tmp_path / "never")
        server.process.send_signal(signal.SIGINT)
        eventually(lambda: not server.listens)
        assert server.stop(signal.SIGINT) == 0


def test_a_worker_that_dies_is_replaced_and_who_waits_is_served():
    with serving() as server:
        pid = int(server.get("/pid").body)
        os.kill(pid, signal.SIGKILL)
        assert server.get("/pid").body != str(pid).encode()
        assert server.stop() == 0
