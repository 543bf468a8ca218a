"""What is read of an answer, and where it ends: the same however the bytes are divided."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhooks.delivery.answer import KEPT_BODY, READ_LIMIT
from webhooks.delivery.http import reader
from webhooks.delivery.http.reader import AnswerReader, BadAnswer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def read(*pieces, reading=None):
    """What becomes of an answer that arrives in these pieces, after which nothing comes: its
    status, headers, body and whether it is the last; or the reason why it is bad."""
    reading = reading or AnswerReader()
    reading.start()
    try:
        for piece in pieces:
            if answer := reading.feed(piece):
                break
        else:
            answer = reading.end()
    except BadAnswer as error:
        return str(error)
    return answer.status, answer.headers, answer.body, reading.is_last


def fed_without_end(reading, piece):
    """The answer, or the reason why it is bad, of a reader that is fed `piece` again and
    again; and how many bytes it took before the last."""
    for count in range(1_000_000):
        try:
            answer = reading.feed(piece)
        except BadAnswer as error:
            return str(error), count * len(piece)
        if answer:
            return answer, count * len(piece)
    raise AssertionError("it reads without end")


def reader_of_a_second():
    """One that has read an answer already, and is ready for the next."""
    reading = AnswerReader()
    read(OK, reading=reading)
    reading.start()
    return reading


def read_whole(raw):
    return read(raw) if raw else read()


# --- What completes an answer ----------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "body", "is_last"),
    [
        (OK, b"ok", False),
        (OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b"ok", True),
        (OK.replace(b"1.1", b"1.0"), b"ok", True),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", b"ok", False),
        (b"\r\n\r\n" + OK, b"ok", False),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b"", False),
        (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", b"ok", False),
        (CHUNKED + b'1;a="b"\r\no\r\n1 \r\nk\r\n0\r\nX: y\r\n\r\n', b"ok", False),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil it closes", b"until it closes", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\n2\r\n", b"2\r\n", True),
        (CONTINUE + CONTINUE + OK, b"ok", False),
        (b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + OK, b"ok", False),
    ],
)
def test_it_reads_a_whole_answer(raw, body, is_last):
    status, headers, found, last = read_whole(raw)
    assert (status, found, last) == (200, body, is_last)
    assert (b"Link", b"a") not in headers
    assert (b"X", b"y") not in headers


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("framing", [b"", b"Content-Length: 5\r\n"])
def test_some_answers_end_with_their_head(status, framing):
    raw = b"HTTP/1.1 %d X\r\n%s\r\n" % (status, framing)
    assert read(raw)[0] == status
    assert AnswerReader().feed(raw) is not None, "nothing more is waited for"


def test_an_upgrade_that_nobody_asked_for_is_the_answer():
    raw = b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n\x00\x01"
    assert read(raw)[0::3] == (101, True)


def test_it_reads_one_answer_after_the_other():
    reading = AnswerReader()
    for raw, status in [
        (CONTINUE + OK, 200),
        (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", 200),
        (b"HTTP/1.1 204 No\r\n\r\n", 204),
        (OK.replace(b"200", b"500"), 500),
        (OK, 200),
    ]:
        found = read(raw, reading=reading)
        assert (found[0], found[3]) == (status, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<html>",
        b"HTTP/1.1 abc\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n"),
        CHUNKED + b"zz\r\n",
        CHUNKED + b"fffffffffffffffff\r\n",
        CONTINUE.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\nhello") + OK,
    ],
)
def test_what_is_wrong_is_known_at_once(raw):
    """Not only at the deadline, or when the other side hangs up."""
    with pytest.raises(BadAnswer):
        AnswerReader().feed(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTT",
        b"HTTP/1.1 200 OK\r\n",
        CONTINUE,
        OK[:-1],
        CHUNKED,
        CHUNKED + b"2\r\nok\r\n",
        CHUNKED + b"2\r\nok\r\n0\r\nX: y\r\n",
    ],
)
def test_what_breaks_off_is_no_answer(raw):
    assert "the connection was closed" in read_whole(raw)


# --- What follows an answer ------------------------------------------------------------


@pytest.mark.parametrize("surplus", [b"\xd0\xbe", b"\r\n\r\n}", b"\0", OK, CONTINUE])
@pytest.mark.parametrize(
    "answer",
    [
        OK,
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        CHUNKED + b"2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No\r\n\r\n",
        b"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n",
    ],
)
def test_what_follows_it_fails_nothing_and_ends_the_connection(answer, surplus):
    raw, whole = answer + surplus, read(answer)
    for division in range(1, len(raw)):
        found = read(raw[:division], raw[division:])
        assert found[:3] == whole[:3]
        # What comes later is found by the pool, or passed over, as blank lines are.
        assert found[3] or not raw[len(answer) : division].strip()
    assert read(raw)[3]


@pytest.mark.parametrize("surplus", [b"\xd0\xbe", b"\r\n", b"HTTP", b"HTHTTP" * 500])
def test_what_follows_it_late_is_passed_over(surplus):
    """It came after the next request was sent, whose answer is behind it."""
    raw = surplus + OK
    for division in range(1, len(raw)):
        reading = AnswerReader()
        read(OK, reading=reading)
        found = read(raw[:division], raw[division:], reading=reading)
        assert found[0::2] == (200, b"ok")
        assert found[3], "the connection ends"
        assert read(OK, OK, reading=reading)[3] is False


def test_what_follows_it_is_passed_over_up_to_a_limit():
    found, fed = fed_without_end(reader_of_a_second(), b"x" * 100)
    assert "no status line" in found
    assert fed <= reader.HEAD_LIMIT + 100


def test_before_the_first_answer_nothing_is_passed_over():
    assert isinstance(read(b"x" + OK), str)


def test_a_receiver_that_counts_characters_has_answered():
    body = '{"status":"принято"}'
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body.encode()
    for division in range(1, len(raw)):
        status, _, found, _ = read(raw[:division], raw[division:])
        assert (status, found) == (200, body.encode()[:20])


# --- Limits ----------------------------------------------------------------------------


def headers(size, count):
    """A head of so many headers, and of so many bytes with its blank line."""
    start, end = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", b"\r\n"
    left = size - len(start) - len(end)
    lines = []
    for n in range(count - 1):
        line = b"X-%03d: " % n
        length = left // (count - 1 - n)
        left -= length
        lines.append(line + b"a" * (length - len(line) - 2) + b"\r\n")
    return start + b"".join(lines) + end


def test_a_head_may_be_as_long_as_the_limit_and_no_longer():
    assert read(headers(reader.HEAD_LIMIT, 50))[0] == 200
    assert "the head is longer" in read(headers(reader.HEAD_LIMIT + 1, 50))


def test_an_endless_head_ends_without_its_blank_line():
    reading = AnswerReader()
    reading.feed(b"HTTP/1.1 200 OK\r\n")
    found, fed = fed_without_end(reading, b"X: " + b"a" * 97)
    assert "the head is longer" in found
    assert fed <= reader.HEAD_LIMIT


def test_a_header_may_be_as_long_as_the_limit_and_no_longer():
    head = b"HTTP/1.1 204 No\r\nX: %s\r\n\r\n"
    assert read(head % (b"a" * (reader.HEADER_LIMIT - 1)))[0] == 204
    assert "a header is longer" in read(head % (b"a" * reader.HEADER_LIMIT))


def test_an_answer_may_have_a_hundred_headers_and_no_more():
    head = b"HTTP/1.1 204 No\r\n%s\r\n"
    assert len(read(head % (b"X: a\r\n" * reader.HEADER_COUNT))[1]) == 100
    assert "more than 100 headers" in read(
        head % (b"X: a\r\n" * (reader.HEADER_COUNT + 1))
    )
    hints = b"HTTP/1.1 103 Hints\r\n%s\r\n" % (b"X: a\r\n" * 51)
    assert "more than 100 headers" in read(hints + hints + OK)


def test_ten_interim_answers_are_read_and_no_more():
    assert read(CONTINUE * reader.INTERIM_COUNT + OK)[0] == 200
    found, fed = fed_without_end(AnswerReader(), CONTINUE)
    assert "more than 10 interim answers" in found
    assert fed == reader.INTERIM_COUNT * len(CONTINUE)


@pytest.mark.parametrize(
    "piece",
    [
        b"1\r\nx\r\n",
        b"1;" + b"e" * 9_000 + b"\r\nx\r\n",
        b"ffffff\r\n" + b"x" * 0xFFFFFF,
    ],
    ids=["tiny chunks", "long extensions", "a huge chunk"],
)
def test_chunks_are_read_up_to_the_limit_with_all_that_frames_them(piece):
    reading = AnswerReader()
    assert reading.feed(CHUNKED) is None
    answer, fed = fed_without_end(reading, piece)
    assert answer.status == 200
    assert reading.is_last
    assert fed <= READ_LIMIT
    assert set(answer.body) == {ord("x")}


def test_endless_trailers_end():
    reading = AnswerReader()
    reading.feed(CHUNKED + b"2\r\nok\r\n0\r\n")
    found, _ = fed_without_end(reading, b"X: a\r\n")
    assert "more than 100 headers" in found


def test_a_trailer_without_end_is_cut_like_a_body():
    reading = AnswerReader()
    reading.feed(CHUNKED + b"2\r\nok\r\n0\r\nX: ")
    answer, _ = fed_without_end(reading, b"a" * 100)
    assert answer.body == b"ok"
    assert reading.is_last


@pytest.mark.parametrize("size", [READ_LIMIT - 1, READ_LIMIT, READ_LIMIT + 1])
def test_a_body_is_cut_at_the_limit(size):
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    status, _, body, is_last = read(raw)
    assert (status, body) == (200, b"x" * KEPT_BODY)
    assert is_last == (size > READ_LIMIT)


# --- However it is divided ---------------------------------------------------------------

PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Hints\nLink: a\n\n",
        b"HTTP/1.1 101 Switching\r\n",
        b"HTTP/1.0 204 None\r\n",
        b"HTTP/9.9 99999 \r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"Content-Length: 5\r\n",
        b"Content-Length: 0\r\n",
        b"Content-Length: 70000\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Connection: close\r\n",
        b"Connection: upgrade\r\nUpgrade: x\r\n",
        b"X: " + b"a" * 9_000 + b"\r\n",
        b"X: a\r\n" * 60,
        b" folded\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n",
        b"hello",
        b"x" * 40_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        CHUNKED,
    ]
)
ANSWERS = st.lists(st.one_of(PIECES, st.binary(max_size=4)), max_size=12).map(b"".join)


def divided(raw, cuts):
    edges = [0, *sorted({cut % len(raw) for cut in cuts} - {0}), len(raw)]
    return [raw[a:b] for a, b in pairwise(edges)]


@settings(max_examples=400)
@given(
    raw=ANSWERS.filter(bool),
    cuts=st.lists(st.integers(0, 10**6), max_size=30),
    make=st.sampled_from([AnswerReader, reader_of_a_second]),
)
def test_any_answer_reads_the_same_however_it_is_divided(raw, cuts, make):
    whole = read(raw, reading=make())
    found = read(*divided(raw, cuts), reading=make())
    if isinstance(whole, str) or isinstance(found, str):
        assert found == whole
    else:
        # What follows an answer may be still on its way. Then the next request finds it.
        assert found[:3] == whole[:3]
        assert whole[3] or not found[3]


@settings(max_examples=60)
@given(raw=ANSWERS.filter(lambda raw: 0 < len(raw) < 2_000))
def test_any_answer_reads_the_same_byte_by_byte_and_in_any_two_parts(raw):
    whole = read(raw)[:3] if not isinstance(read(raw), str) else read(raw)
    for pieces in [
        [bytes([byte]) for byte in raw],
        *([raw[:cut], raw[cut:]] for cut in range(1, len(raw))),
    ]:
        found = read(*pieces)
        assert (found if isinstance(found, str) else found[:3]) == whole
