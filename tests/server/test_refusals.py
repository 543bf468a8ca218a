"""What the server answers without the application: which may word and record it, up to a number."""

import json
import re
from http import HTTPStatus

import pytest

from webhooks.server import limits
from webhooks.server.messages import Head
from webhooks.server.refusals import Refusals

from .application import THREADS
from .serving import Answer, Server, serving

PROXIED = "X-Forwarded-For: 192.0.2.1\n"
MANY = "X: y\n" * 101


@pytest.fixture(scope="module")
def server():
    with serving(seconds=0.5) as found:
        yield found


@pytest.mark.parametrize(
    ("text", "status", "method", "path"),
    [
        ("NONSENSE\n\n", 400, "", ""),
        ("GET  HTTP/1.1\n\n", 400, "", ""),
        ("GET /a b HTTP/1.1\n\n", 400, "GET", "/a"),
        ("GET http://[ HTTP/1.1\nHost: x\n\n", 400, "GET", ""),
        ("CONNECT x:1 HTTP/1.1\nHost: x\n\n", 405, "CONNECT", ""),
        ("PO", 408, "", ""),
        ("POST /a/b", 408, "POST", "/a/b"),
        ("POST http://x", 408, "POST", "/"),
        (f"POST /a%20b?c HTTP/1.1\n{PROXIED}X", 408, "POST", "/a b"),
        (f"POST /a HTTP/1.1\n{PROXIED}Content-Length: 3\n\nab", 408, "POST", "/a"),
        ("POST /form HTTP/1.1\nContent-Length: 2000000\n\n", 413, "POST", "/form"),
        (f"PUT /a HTTP/1.1\n{PROXIED}{MANY}\n", 431, "PUT", "/a"),
        ("GET /a HTTP/2.0\nHost: x\n\n", 505, "GET", "/a"),
    ],
)
def test_the_application_words_it_from_what_is_known(
    server, text, status, method, path
):
    answer = server.ask(text)
    known = answer.json()
    assert (answer.status, known["status"]) == (status, status)
    assert (known["REQUEST_METHOD"], known["PATH_INFO"]) == (method, path)
    assert known["REMOTE_ADDR"] == "127.0.0.1"
    assert (known["HTTP_X_FORWARDED_FOR"] == "192.0.2.1") == (PROXIED in text)
    assert known["reason"].endswith(".")
    assert known["seconds"] >= (0.5 if status == 408 else 0)
    assert answer.headers["x-request-id"] == "of the application"
    assert answer.headers["connection"] == "close"


def test_it_words_what_it_failed_to_answer_too(server):
    known = server.get("/exit")
    assert (known.status, known.json()["PATH_INFO"]) == (500, "/exit")


def test_a_refusal_of_head_has_no_body(server):
    peer = server.peer()
    peer.send(f"HEAD /a HTTP/1.1\n{MANY}\n")
    assert peer.answer(has_body=False).status == 431
    assert peer.ends() == b""


# --- The number -----------------------------------------------------------------------


def nonsense(server: Server) -> Answer:
    return server.ask("NONSENSE\n\n")


def test_so_many_of_a_status_are_recorded_and_the_others_are_counted():
    with serving(RECORDED=3) as server:
        answers = [nonsense(server) for _ in range(10)]
        many = server.ask(f"GET /other HTTP/1.1\n{MANY}\n")
        assert server.stop() == 0
        _, log = server.process.communicate()
    assert [each.headers["content-length"] for each in answers[3:]] == ["35"] * 7
    assert {each.body for each in answers[3:]} == {
        b"This is not a request of HTTP/1.1.\n"
    }
    assert {each.status for each in answers} == {400}
    # Every answer has an id, and a flood of one status hides no other.
    ids = [each.headers["x-request-id"] for each in answers[3:]]
    assert all(re.fullmatch("[0-9a-f]{32}", id) for id in ids)
    assert len({*ids}) == 7
    assert many.headers["x-request-id"] == "of the application"
    assert [json.loads(line)["status"] for line in log.splitlines()] == [400] * 3 + [
        431
    ]


def test_the_log_tells_in_one_line_how_many_were_only_counted():
    with serving(RECORDED=0, REPORT_SECONDS=0) as server:
        assert nonsense(server).status == 400
        assert server.process.stderr is not None
        line = server.process.stderr.readline()
    assert line == (
        "Limits of clients were reached: 1 answered 400 without a record.\n"
    )


def test_with_each_such_line_the_number_begins_anew(monkeypatch):
    monkeypatch.setattr(limits, "RECORDED", 2)
    recorded = []

    def refuse(environ, status, reason, seconds):
        recorded.append(reason)
        return [], b""

    refusals = Refusals(refuse)
    for minute in ("first", "second"):
        for _ in range(5):
            refusals.answer(Head(), "", HTTPStatus.BAD_REQUEST, minute, 0)
        assert refusals.report() == ["3 answered 400 without a record"]
        assert refusals.report() == []
    assert recorded == ["first"] * 2 + ["second"] * 2


def test_a_503_says_when_to_ask_again_whoever_words_it():
    with serving(WAITING=0, RECORDED=1) as server:
        answers = [server.get("/") for _ in range(2)]
    assert [each.status for each in answers] == [503, 503]
    assert {each.headers["retry-after"] for each in answers} == {"5"}


def test_an_application_that_fails_to_word_it_changes_nothing_for_the_client():
    with serving() as server:
        for _ in range(THREADS + 1):
            answer = server.ask(f"GET /refuse/raise HTTP/1.1\n{MANY}\n")
            assert answer.status == 431
            assert answer.body.startswith(b"There are more than 100 headers.")
        assert server.get("/").status == 200
