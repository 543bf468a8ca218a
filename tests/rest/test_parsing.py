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
        with pytest.raises(parsing.RefusedValue):
            parsing.loads(text)
    else:
        assert parsing.loads(text) == value


def test_it_takes_an_escaped_backslash_for_what_it_is():
    assert parsing.loads(rb'"\\u0000"') == "\\u0000"


NUL = "must not contain the character U+0000"
SURROGATE = "must not contain half of a surrogate pair"
TOO_DEEP = "must not be nested more than 64 levels deep"
TOO_LARGE = "must be a number that 64 bits can hold"


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ('"\\u0000"', (), NUL),
        ('{"\\u0000": 1}', (), NUL),
        ('{"a": [1, {"b": "\\u0000"}]}', ("a", 1, "b"), NUL),
        ('{"a": {"\\u0000": 1}}', ("a",), NUL),
        ('{"a": "\\ud800"}', ("a",), SURROGATE),
        ('{"a": "\\udc00 and more"}', ("a",), SURROGATE),
        ('{"a": ["x", 1e999]}', ("a", 1), TOO_LARGE),
        ('{"a": -' + "9" * 5000 + "}", ("a",), TOO_LARGE),
        ('{"a": 1, "b": ' + "[" * 64 + "]" * 64 + "}", ("b",), TOO_DEEP),
        ('{"b": ' + '{"a":' * 64 + "1" + "}" * 64 + "}", ("b",), TOO_DEEP),
        ("[" * 5000 + "]" * 5000, (), TOO_DEEP),
    ],
)
def test_it_tells_a_value_that_it_refuses_from_what_is_no_json(text, path, reason):
    with pytest.raises(parsing.RefusedValue) as caught:
        parsing.loads(text.encode())
    assert (caught.value.path, caught.value.reason) == (path, reason)


def test_a_refused_value_is_named_where_an_interface_says_nothing_of_its_own():
    error = parsing.RefusedValue(("events", 0), NUL)
    assert error.detail == {"events.0": [f"events.0 {NUL}"]}
    assert parsing.RefusedValue((), NUL).detail == {"body": [f"body {NUL}"]}


def test_it_takes_what_is_nearly_refused():
    deepest = b"[" * parsing.MAX_DEPTH + b"]" * parsing.MAX_DEPTH
    parsing.loads(deepest)
    parsing.loads(b"[" + b"[]," * 500 + b"[]]")
    assert parsing.loads(b'["\\ud83d\\ude00", 1e308]') == ["\U0001f600", 1e308]


def test_it_counts_the_values_of_a_body_where_an_interface_limits_them():
    parsing.loads(b"[" + b"1," * 9 + b"1]", most=10)
    parsing.loads(b'["' + b"," * 100 + b'"]', most=10)
    for text in (b"[" + b"1," * 10 + b"1]", b'{"a": [' + b"[]," * 9 + b"[]]}"):
        with pytest.raises(parsing.RefusedValue) as caught:
            parsing.loads(text, most=10)
        assert caught.value.reason == "must not hold more than 10 values"


@pytest.mark.parametrize(
    "text",
    [
        *(
            b"",
            b"{",
            b"NaN",
            b"Infinity",
            b"[-Infinity]",
            b"'x'",
            b"\xff",
            b'"\xed\xa0\x80"',
        ),
        *(b'{"a": "\\ud800",}', b'{"a": 1e999', b'"\\u000"', b"[" * 900),
    ],
)
def test_it_refuses_what_is_not_json(text):
    with pytest.raises(parsing.MalformedJSON) as caught:
        parsing.loads(text)
    assert caught.value.reason
    assert caught.value.position >= 0


def context(limit=1000, codings=None, **headers):
    """DRF's parser context of a view that reads `limit` bytes."""
    request = RequestFactory().get("/", **headers)
    view = SimpleNamespace(max_body=limit, max_values=None, content_codings=codings)
    return {"view": view, "request": request}


def test_it_takes_objects_and_arrays_only_where_an_interface_says_so():
    parser, within = parsing.ObjectOrArray(), context(10)
    assert parser.parse(io.BytesIO(b'{"a": 1}'), None, within) == {"a": 1}
    assert parser.parse(io.BytesIO(b"[1]"), None, within) == [1]
    for scalar in (b"1", b'"x"', b"null", b"true"):
        with pytest.raises(parsing.MalformedJSON, match="neither"):
            parser.parse(io.BytesIO(scalar), None, within)


def test_it_takes_any_other_media_type_for_no_body():
    assert parsing.Ignored().parse(io.BytesIO(b"{")) == {}
