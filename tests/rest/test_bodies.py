"""The bytes of a body: how many are read, and what they were before they were packed."""

import gzip
import io
import zlib
from types import SimpleNamespace

import pytest
from django.test import RequestFactory

from webhooks.rest import bodies


def packed(text):
    return gzip.compress(text, mtime=0)  # the same in each process of the tests


def read(stream, limit=1000, codings=None, **headers):
    if isinstance(stream, bytes):
        stream = io.BytesIO(stream)
    request = RequestFactory().get("/", **headers)
    view = SimpleNamespace(max_body=limit, content_codings=codings)
    return bodies.read(stream, {"view": view, "request": request})


def test_it_reads_no_more_than_it_may():
    assert read(b"1234567890", limit=10) == b"1234567890"
    stream = io.BytesIO(b"x" * 1000)
    with pytest.raises(bodies.BodyTooLarge) as caught:
        read(stream, limit=10)
    assert caught.value.limit == 10
    assert stream.tell() == 11


@pytest.mark.parametrize("announced", ["11", "99999999999999999999"])
def test_it_waits_for_nothing_that_is_announced_as_too_long(announced):
    stream = io.BytesIO(b"x")
    with pytest.raises(bodies.BodyTooLarge):
        read(stream, limit=10, CONTENT_LENGTH=announced)
    assert stream.tell() == 0
    assert read(stream, limit=10, CONTENT_LENGTH="10") == b"x"


def test_it_drops_a_byte_order_mark_that_comes_first():
    assert read(b"\xef\xbb\xbf{}") == b"{}"
    assert read(b"{}\xef\xbb\xbf") == b"{}\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", packed(b"hello")),
        (" GZip ", packed(b"hello")),
        ("gzip", packed(b"hel") + packed(b"lo")),
        ("deflate", zlib.compress(b"hello")),
        ("identity", b"hello"),
        ("", b"hello"),
    ],
)
def test_it_inflates_what_an_interface_says(coding, body):
    known = bodies.INFLATED
    assert read(body, codings=known, HTTP_CONTENT_ENCODING=coding) == b"hello"


def test_it_leaves_every_body_as_it_is_where_an_interface_says_nothing():
    body = packed(b"hello")
    assert read(body, HTTP_CONTENT_ENCODING="gzip") == body


@pytest.mark.parametrize("coding", ["br", "x-gzip", "gzip, gzip", "utf-8"])
def test_it_refuses_an_encoding_that_it_does_not_know(coding):
    with pytest.raises(bodies.UnknownCoding) as caught:
        read(b"x", codings=bodies.INFLATED, HTTP_CONTENT_ENCODING=coding)
    assert caught.value.coding == coding
    with pytest.raises(bodies.UnknownCoding):
        read(b"x", codings=(), HTTP_CONTENT_ENCODING="gzip")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"hello", "incorrect header check"),
        (packed(b"hello")[:-8], "unexpected end of file"),
        (packed(b"hello") + b"more", "incorrect header check"),
    ],
)
def test_it_says_what_is_wrong_with_a_packed_body(body, reason):
    with pytest.raises(bodies.Corrupt) as caught:
        read(body, codings=bodies.INFLATED, HTTP_CONTENT_ENCODING="gzip")
    assert caught.value.reason == reason


@pytest.mark.parametrize("members", [1, 3])
def test_it_unpacks_no_bomb(members):
    bomb = gzip.compress(b"x" * 10_000_000) * members
    limit = len(bomb) + 10
    with pytest.raises(bodies.BodyTooLarge):
        read(bomb, limit, bodies.INFLATED, HTTP_CONTENT_ENCODING="gzip")
    fitting = gzip.compress(b"x" * limit)
    assert (
        len(read(fitting, limit, bodies.INFLATED, HTTP_CONTENT_ENCODING="gzip"))
        == limit
    )
