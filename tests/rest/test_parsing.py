"""Strict JSON: what is refused before anything looks at it."""

import io
import json
from types import SimpleNamespace

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from webhooks.rest import parsing

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def holds_nul(value) -> bool:
    return "\\u0000" in json.dumps(value).replace("\\\\", "")


@given(values)
def test_it_reads_json_as_the_standard_library_does(value):
    text = json.dumps(value).encode()
    if holds_nul(value):
        with pytest.raises(parsing.MalformedJSON):
            parsing.loads(text)
    else:
        assert parsing.loads(text) == value


def test_it_takes_an_escaped_backslash_for_what_it_is():
    assert parsing.loads(rb'"\\u0000"') == "\\u0000"


@pytest.mark.parametrize("where", ['"\\u0000"', '{"\\u0000": 1}', '[["\\u0000"]]'])
def test_it_refuses_nul_wherever_it_stands(where):
    with pytest.raises(parsing.MalformedJSON, match=r"U\+0000"):
        parsing.loads(where.encode())


def test_it_bounds_the_depth():
    deepest = b"[" * parsing.MAX_DEPTH + b"]" * parsing.MAX_DEPTH
    parsing.loads(deepest)
    parsing.loads(b"[" + b"[]," * 500 + b"[]]")
    for over in (b"[" + deepest + b"]", b'{"a":' + deepest + b"}"):
        with pytest.raises(parsing.MalformedJSON, match="levels deep"):
            parsing.loads(over)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"NaN", b"Infinity", b"1e999", b"'x'", b"\xff", b'"\\ud800"']
)
def test_it_refuses_what_is_not_json(text):
    with pytest.raises(parsing.MalformedJSON) as caught:
        parsing.loads(text)
    assert caught.value.reason
    assert caught.value.position >= 0


def within(limit, announced=None):
    """DRF's parser context of a view that reads `limit` bytes."""
    request = RequestFactory().get("/", CONTENT_LENGTH=announced)
    return {"view": SimpleNamespace(max_body=limit), "request": request}


def test_it_reads_no_more_than_it_may():
    parser, context = parsing.StrictJSON(), within(10)
    assert parser.parse(io.BytesIO(b'"12345678"'), None, context) == "12345678"
    stream = io.BytesIO(b'"' + b"x" * 1000 + b'"')
    with pytest.raises(parsing.BodyTooLarge) as caught:
        parser.parse(stream, None, context)
    assert caught.value.limit == 10
    assert stream.tell() == 11


@pytest.mark.parametrize("announced", ["11", "99999999999999999999"])
def test_it_waits_for_nothing_that_is_announced_as_too_long(announced):
    stream = io.BytesIO(b'"x"')
    with pytest.raises(parsing.BodyTooLarge):
        parsing.StrictJSON().parse(stream, None, within(10, announced))
    assert stream.tell() == 0
    assert parsing.StrictJSON().parse(stream, None, within(10, "10")) == "x"


def test_it_takes_objects_and_arrays_only_where_an_interface_says_so():
    parser, context = parsing.ObjectOrArray(), within(10)
    assert parser.parse(io.BytesIO(b'{"a": 1}'), None, context) == {"a": 1}
    assert parser.parse(io.BytesIO(b"[1]"), None, context) == [1]
    for scalar in (b"1", b'"x"', b"null", b"true"):
        with pytest.raises(parsing.MalformedJSON, match="neither"):
            parser.parse(io.BytesIO(scalar), None, context)


def test_it_takes_any_other_media_type_for_no_body():
    assert parsing.Ignored().parse(io.BytesIO(b"{")) == {}
