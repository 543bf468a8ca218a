"""What is received, what is refused, and what an application sees of it."""

from itertools import permutations

import pytest

from webhooks.server.incoming import Incoming

from .application import LONG, THREADS
from .serving import serving

GET = "GET /environ HTTP/1.1\nHost: x\n"


@pytest.fixture(scope="module")
def server():
    with serving() as found:
        yield found


# --- Bodies ---------------------------------------------------------------------------


def post(path: str, body: str = "", **headers: object) -> str:
    lines = "".join(f"{k.replace('_', '-')}: {v}\n" for k, v in headers.items())
    return f"POST {path} HTTP/1.1\nHost: x\n{lines}\n{body}"


@pytest.mark.parametrize(
    ("request_text", "length"),
    [
        (post("/", "abc", Content_Length=3), 3),
        (post("/", "3\nabc\n0\n\n", Transfer_Encoding="chunked"), 3),
        (
            post(
                "/", "1;a=b\na\n2\nbc\n0\nX-Trailer: 1\n\n", Transfer_Encoding="chunked"
            ),
            3,
        ),
        (post("/", "", Content_Length=0), 0),
        (post("/"), 0),
    ],
)
def test_the_application_gets_a_whole_body_and_its_length(server, request_text, length):
    seen = server.ask(request_text).json()
    assert seen["body"] == length
    assert int(seen.get("CONTENT_LENGTH", 0)) == length
    assert "HTTP_TRANSFER_ENCODING" not in seen
    assert "HTTP_X_TRAILER" not in seen


def test_a_body_in_pieces_is_one_body(server):
    peer = server.peer()
    peer.send("POST /long HTTP/1.1\nHost: x\nContent-Length: 1500000\n\n")
    for _ in range(15):
        peer.send(b"x" * 100_000)
    assert peer.answer().json()["body"] == 1_500_000


def test_a_longer_body_than_its_view_reads_is_the_views_to_refuse(server):
    peer = server.peer()
    peer.send(f"POST /long HTTP/1.1\nHost: x\nContent-Length: {LONG + 1}\n\nabc")
    seen = peer.answer()
    assert (seen.json()["CONTENT_LENGTH"], seen.json()["body"]) == (str(LONG + 1), 0)
    assert seen.headers["connection"] == "close"

    peer = server.peer()
    peer.send("POST /short HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for _ in range(20):  # goes on to send, and has its answer all the same
        peer.send(chunk)
    seen = peer.answer().json()
    assert 1024 * 1024 < seen["body"] < 1024 * 1024 + 65536
    assert seen["CONTENT_LENGTH"] == str(seen["body"])


def test_the_server_refuses_what_no_view_speaks_for(server):
    text = f"POST /form HTTP/1.1\nHost: x\nContent-Length: {1024 * 1024 + 1}\n\nabc"
    refused = server.ask(text)
    assert refused.status == 413
    assert refused.headers["connection"] == "close"
    assert "/form" not in server.get("/calls").json()


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(server):
    peer = server.peer()
    text = "POST / HTTP/1.1\nHost: x\nExpect: 100-continue\nContent-Length: {}\n\n"
    peer.send(text.format(3))
    assert peer.answer(has_body=False).status == 100
    peer.send(b"abc")
    assert peer.answer().json()["body"] == 3

    for path, status in [("/form", 413), ("/long", 200)]:
        asked = text.replace("POST /", f"POST {path}").format(LONG + 1)
        assert server.ask(asked).status == status  # and no 100 before it


def test_half_a_body_is_no_request(server):
    for text in [
        post("/half", "abc", Content_Length=4),
        post("/half", "3\nabc\n", Transfer_Encoding="chunked"),
        post("/half", "3\nab", Transfer_Encoding="chunked"),
    ]:
        peer = server.peer()
        peer.send(text)
        peer.socket.shutdown(1)
        assert peer.ends() == b""
    assert "/half" not in server.get("/calls").json()


@pytest.mark.parametrize(
    "text",
    [
        "NONSENSE\n\n",
        "GET / HTTP/2.0\n\n",
        "GET /a b HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\nHost : x\n\n",
        "GET / HTTP/1.1\nHost: x\n folded: y\n\n",
        "GET / HTTP/1.1\nHost: x\0y\n\n",
        post("/", "abc", Content_Length="3, 3"),
        "POST / HTTP/1.1\nContent-Length: 3\nContent-Length: 4\n\nabc",
        "POST / HTTP/1.1\nContent-Length: 3\nContent-Length: 3\n\nabc",
        post("/", "abc", Content_Length="+3"),
        post("/", "abc", Content_Length="-3"),
        post("/", "abc", Content_Length="9" * 30),
        post("/", "0\n\n", Content_Length=3, Transfer_Encoding="chunked"),
        post("/", "0\n\n", Transfer_Encoding="chunked", Content_Length=3),
        post("/", "0\n\n", Transfer_Encoding="gzip"),
        post("/", "0\n\n", Transfer_Encoding="chunked, gzip"),
        post("/", "g\n\n", Transfer_Encoding="chunked"),
        post("/", "-1\n\n", Transfer_Encoding="chunked"),
        "POST / HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n",
        "CONNECT x:1 HTTP/1.1\nHost: x\n\n",
    ],
)
def test_a_request_whose_end_is_not_clear_is_refused(server, text):
    peer = server.peer()
    peer.send(text)
    answer = peer.answer()
    assert answer.status in (400, 405, 505)
    assert answer.headers["connection"] == "close"
    assert peer.ends() == b""


def test_a_line_feed_alone_ends_no_line(server):
    assert server.ask(b"GET / HTTP/1.1\nHost: x\n\n").status == 400


def test_long_and_many_headers_are_refused(server):
    for headers in ("X: " + "y" * 40_000 + "\n", "X: y\n" * 101):
        assert server.ask(f"{GET}{headers}\n").status in (400, 431)
    assert server.ask(f"{GET}{'X: y' * 1000}\n\n").status == 200


# --- Header names ---------------------------------------------------------------------

FORGED = [
    "X_Forwarded_For: 10.6.6.6",
    "X-Forwarded-For: 192.0.2.1",
    "X_forwarded-for: 10.6.6.7",
]


@pytest.mark.parametrize("lines", list(permutations(FORGED)), ids=str)
def test_an_underscore_forges_no_header(server, lines):
    seen = server.ask(GET + "\n".join(lines) + "\n\n").json()
    assert seen["HTTP_X_FORWARDED_FOR"] == "192.0.2.1"


@pytest.mark.parametrize(
    "name",
    ["X_Forwarded_For", "X_Forwarded_Proto", "Content_Type", "x_api_key", "_", "a_"],
)
def test_a_name_with_an_underscore_is_dropped(server, name):
    plain = server.ask(f"{GET}\n").json()
    assert server.ask(f"{GET}{name}: 1\n\n").json() == plain


def test_a_long_name_is_dropped_and_not_remembered(server):
    seen = server.ask(f"{GET}{'X' * 256}: 1\n{'Y' * 257}: 2\n\n").json()
    assert f"HTTP_{'X' * 256}" in seen
    assert f"HTTP_{'Y' * 257}" not in seen


@pytest.mark.parametrize("name", ["Content_Length", "Transfer_Encoding"])
@pytest.mark.parametrize("first", [True, False])
def test_a_length_with_an_underscore_is_none(server, name, first):
    lines = [f"{name}: chunked", "Content-Length: 3"]
    head = "\n".join(lines if first else reversed(lines))
    seen = server.ask(f"POST / HTTP/1.1\nHost: x\n{head}\n\nabc").json()
    assert (seen["CONTENT_LENGTH"], seen["body"]) == ("3", 3)
    assert "HTTP_TRANSFER_ENCODING" not in seen


def test_a_declared_name_with_an_underscore_is_handed_on(server):
    for name in ("partner_key", "Partner_Key", "partner-key"):
        assert server.ask(f"{GET}{name}: k\n\n").json()["HTTP_PARTNER_KEY"] == "k"


def test_headers_that_are_sent_twice_are_joined_in_their_order(server):
    text = f"{GET}Cookie: a=1\nX-Forwarded-For: 1\nCookie: b=2\nx-forwarded-for: 2\n\n"
    seen = server.ask(text).json()
    assert seen["HTTP_COOKIE"] == "a=1; b=2"
    assert seen["HTTP_X_FORWARDED_FOR"] == "1,2"


def test_the_environment_is_that_of_wsgi(server):
    seen = server.ask(
        "GET /a%2Fb%20%C3%A9?q=%20&a HTTP/1.1\nHost: h:1\nX-B: \xe9\n\n"
    ).json()
    assert seen["PATH_INFO"] == "/a/b \xc3\xa9"
    assert seen["QUERY_STRING"] == "q=%20&a"
    assert (seen["HTTP_HOST"], seen["HTTP_X_B"]) == ("h:1", "\xe9")
    assert (seen["REMOTE_ADDR"], seen["SERVER_PORT"]) == ("127.0.0.1", str(server.port))
    assert (seen["REQUEST_METHOD"], seen["SERVER_PROTOCOL"]) == ("GET", "HTTP/1.1")
    whole = server.ask("GET http://other:2/a?b#c HTTP/1.1\nHost: h\n\n").json()
    assert (whole["PATH_INFO"], whole["QUERY_STRING"]) == ("/a", "b")
    assert whole["HTTP_HOST"] == "other:2"
    assert server.ask("OPTIONS * HTTP/1.1\nHost: h\n\n").json()["PATH_INFO"] == "*"


# --- One connection after another request ---------------------------------------------


def test_requests_follow_one_another(server):
    peer = server.peer()
    for _ in range(3):
        peer.send(post("/", "abc", Content_Length=3))
        assert peer.answer().json()["body"] == 3
    peer.send(
        "\nGET /empty HTTP/1.1\nHost: x\n\n"
    )  # an empty line before it is allowed
    answer = peer.answer()
    assert (answer.status, answer.headers.get("content-length")) == (204, None)
    peer.send("HEAD /big?1000 HTTP/1.1\nHost: x\n\n")
    assert peer.answer(has_body=False).headers["content-length"] == "7"  # as it says
    peer.send(f"{GET}Connection: close\n\n")
    assert peer.answer().headers["connection"] == "close"
    assert peer.ends() == b""


def test_a_client_of_http_1_0_keeps_its_connection_if_it_asks(server):
    peer = server.peer()
    peer.send("GET / HTTP/1.0\nConnection: keep-alive\n\n")
    assert peer.answer().headers["connection"] == "keep-alive"
    peer.send("GET / HTTP/1.0\n\n")
    assert peer.answer().headers["connection"] == "close"
    assert peer.ends() == b""


def test_a_second_request_before_the_first_answer_is_not_read(server):
    peer = server.peer()
    peer.send(f"{GET}\nGET /second HTTP/1.1\nHost: x\n\n")
    assert peer.answer().headers["connection"] == "close"
    assert peer.ends() == b""
    assert "/second" not in server.get("/calls").json()


@pytest.mark.parametrize(
    ("head", "behind"),
    [
        ("POST / HTTP/1.1\nContent-Length: 2000000\n", "x" * 60_000),
        (GET, f"{GET}X-Long: {'x' * 60_000}\n\n"),
    ],
    ids=["a body that is too long", "another request"],
)
def test_what_comes_with_a_whole_head_is_none_of_its_headers(head, behind):
    request = Incoming(lambda path: 1000)
    text = f"{head}\n{behind}".replace("\n", "\r\n")
    request.feed(memoryview(text.encode()))
    assert request.is_whole
    assert request.is_last
    assert request.refusal is None


def test_a_client_may_close_its_side_and_read_its_answer(server):
    peer = server.peer()
    peer.send("GET /big?10 HTTP/1.1\nHost: x\n\n")
    peer.socket.shutdown(1)
    assert peer.answer().body == b"x" * 10


def test_an_offer_of_http_2_is_not_taken(server):
    offer = "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMA\n"
    assert server.ask(f"{GET}{offer}\n").status == 200
    for framed in (
        "Content-Length: 3\n\nabc",
        "Transfer-Encoding: chunked\n\n3\nabc\n0\n\n",
    ):
        text = f"POST / HTTP/1.1\nHost: x\n{offer}{framed}"
        assert server.ask(text).json()["body"] == 3  # as Java's own client sends it
        peer = server.peer()
        for character in text:
            peer.send(character)
        assert peer.answer().json()["body"] == 3


def test_a_failure_of_the_application_is_a_500(server):
    for path in ("/raise", "/exit"):
        for _ in range(THREADS + 1):
            assert server.get(path).status == 500
    assert server.ask("GET http://[ HTTP/1.1\nHost: x\n\n").status == 400
    assert server.get("/environ").status == 200


def test_nobody_who_has_gone_is_worked_for(tmp_path):
    release = tmp_path / "release"
    with serving() as server:
        held = server.hold(THREADS, release)
        gone, stays = server.peer(), server.peer()
        for peer in (gone, stays):
            peer.send("GET /gone HTTP/1.1\nHost: x\n\n")
        gone.reset()
        server.settle()
        release.touch()
        assert {peer.answer().body for peer in held} == {b"held"}
        assert stays.answer().status == 200
        assert server.get("/calls").json().count("/gone") == 1
