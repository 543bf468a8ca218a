"""Callers take turns, and one alone never has all threads."""

from pathlib import Path

from tests.waiting import eventually

from .serving import Peer, Server, serving


def ask(path: str, key: str = "") -> str:
    return f"GET {path} HTTP/1.1\nHost: x\nX-Key: {key}\n\n"


def held(release: Path) -> int:
    """Requests that have a thread and wait there."""
    return len([*release.parent.glob("held-*")])


def introduce(server: Server, *keys: str) -> None:
    """The application says whose they are when it answers the first time."""
    for key in keys:
        assert server.ask(ask("/", key)).status == 200


def send(server: Server, count: int, path: str, key: str = "") -> list[Peer]:
    peers = [server.peer() for _ in range(count)]
    for peer in peers:
        peer.send(ask(path, key))
        server.settle()
    return peers


def test_one_caller_leaves_half_of_the_threads_to_others(tmp_path):
    release = tmp_path / "release"
    with serving() as server:
        introduce(server, "a", "b")
        greedy = send(server, 3, f"/hold?{release}", "a")
        eventually(lambda: held(release) == 1)
        for _ in range(5):
            assert server.ask(ask("/", "b")).status == 200
        assert held(release) == 1
        release.touch()
        assert {peer.answer().body for peer in greedy} == {b"held"}


def test_the_last_thread_is_for_who_has_none(tmp_path):
    """Two callers who send more than there are threads leave one to a third."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    with serving(threads=4) as server:
        introduce(server, "a", "b", "c")
        of_ann = send(server, 4, f"/hold?{one / 'release'}", "a")
        eventually(lambda: held(one / "release") == 2)
        of_bob = send(server, 4, f"/hold?{other / 'release'}", "b")
        eventually(lambda: held(other / "release") == 1)
        for _ in range(5):
            assert server.ask(ask("/", "c")).status == 200
        assert (held(one / "release"), held(other / "release")) == (2, 1)
        # What one gives back is there for both.
        (one / "release").touch()
        eventually(lambda: held(other / "release") == 2)
        (other / "release").touch()
        assert {peer.answer().body for peer in [*of_ann, *of_bob]} == {b"held"}


def test_who_waits_comes_before_what_another_sent_after_its_first(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with serving() as server:
        introduce(server, "a", "b")
        server.hold(1, first / "release")  # so that one thread answers all that follow
        send(server, 1, f"/hold?{second / 'release'}")
        eventually(lambda: held(second / "release") == 1)
        many = send(server, 3, "/of-ann", "a")
        one = send(server, 1, "/of-bob", "b")
        (second / "release").touch()
        assert {peer.answer().status for peer in [*many, *one]} == {200}
        (first / "release").touch()
        calls = [path for path in server.get("/calls").json() if "/of" in path]
        assert calls == ["/of-ann", "/of-bob", "/of-ann", "/of-ann"]


def test_one_caller_leaves_room_to_wait_for_others(tmp_path):
    release = tmp_path / "release"
    with serving(WAITING_OF_ONE=3) as server:
        introduce(server, "a", "b")
        send(server, 1, f"/hold?{release}", "a")
        eventually(lambda: held(release) == 1)
        waiting = send(server, 5, "/", "a")
        assert [peer.has_answer for peer in waiting] == [False] * 3 + [True] * 2
        assert waiting[-1].answer().status == 503
        assert server.ask(ask("/", "b")).status == 200
        release.touch()
        assert {peer.answer().status for peer in waiting[:3]} == {200}


def test_credentials_that_nobody_has_get_no_turn_of_their_own(tmp_path):
    release = tmp_path / "release"
    with serving() as server:
        introduce(server, "a", "guessed 1", "guessed 2", "guessed 3")
        for number in range(3):
            send(server, 1, f"/hold?{release}", f"guessed {number}")
        eventually(lambda: held(release) == 1)
        assert server.ask(ask("/", "a")).status == 200
        assert held(release) == 1
        release.touch()


def test_a_caller_who_goes_away_leaves_its_turn(tmp_path):
    release = tmp_path / "release"
    with serving() as server:
        introduce(server, "a")
        holding = send(server, 1, f"/hold?{release}", "a")
        eventually(lambda: held(release) == 1)
        for peer in send(server, 3, "/of-ann", "a"):
            peer.reset()
        last = send(server, 1, "/", "a")
        release.touch()
        assert [peer.answer().status for peer in [*holding, *last]] == [200, 200]
        assert "/of-ann" not in server.get("/calls").json()


def test_it_forgets_the_caller_that_has_not_asked_for_the_longest_time(tmp_path):
    release = tmp_path / "release"
    with serving(CALLERS=1) as server:
        introduce(server, "a", "b")
        send(server, 1, f"/hold?{release}")
        eventually(lambda: held(release) == 1)
        forgotten = send(server, 1, "/", "a")[0]  # one more of this address
        assert server.ask(ask("/", "b")).status == 200
        assert not forgotten.has_answer
        release.touch()
        assert forgotten.answer().status == 200
