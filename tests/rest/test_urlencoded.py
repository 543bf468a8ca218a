"""Forms: what names in brackets mean, and what bounds them.

The expected values of the first table are those of a NestJS 10 application (Express 4, qs
6.14), which was asked on 2026-11-28.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.rest import urlencoded
from webhooks.rest.parsing import RefusedValue


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("", {}),
        ("url=https://a&events[]=all", {"url": "https://a", "events": ["all"]}),
        ("events=all&events=b", {"events": ["all", "b"]}),
        ("events[0]=all&events[1]=b", {"events": ["all", "b"]}),
        ("events[1]=b&events[0]=a", {"events": ["a", "b"]}),
        ("events[5]=x", {"events": ["x"]}),
        ("events[200]=all", {"events": {"200": "all"}}),
        ("events[]=all&events[x]=b", {"events": {"0": "all", "x": "b"}}),
        ("events[]=a&events[]=b", {"events": ["a", "b"]}),
        (
            "events%5B%5D=all&a.b=1&c[d][e]=x+y",
            {"events": ["all"], "a.b": "1", "c": {"d": {"e": "x y"}}},
        ),
        ("a=%ff&b=%zz&c=%C3%A9", {"a": "%ff", "b": "%zz", "c": "é"}),
        ("=1&&[]=2&[a]=3&events[]=x", {"0": "2", "a": "3", "events": ["x"]}),
        (
            "events[=all&a]=3&b[c=1&d[e]f=2&g[h][i=3",
            {"events[": "all", "a]": "3", "b[c": "1", "d": {"e": "2"}, "g": {"h": "3"}},
        ),
        ("events[]&url", {"events": [""], "url": ""}),
        ("a=1=2", {"a": "1=2"}),
    ],
)
def test_it_reads_a_form_as_qs_does(form, fields):
    assert urlencoded.loads(form.encode()) == fields


@pytest.mark.parametrize(
    ("form", "as_qs", "as_php"),
    [
        ("a=1&a=2", {"a": ["1", "2"]}, {"a": "2"}),
        ("a=1&a[]=2", {"a": ["1", "2"]}, {"a": ["2"]}),
        ("a[]=1&a=2", {"a": ["1", "2"]}, {"a": "2"}),
        ("a[b]=1&a[b]=2", {"a": {"b": ["1", "2"]}}, {"a": {"b": "2"}}),
    ],
)
def test_a_name_that_stands_twice_is_a_list_or_its_last_value(form, as_qs, as_php):
    assert urlencoded.loads(form.encode()) == as_qs
    assert urlencoded.loads(form.encode(), last_counts=True) == as_php


def test_it_refuses_nul_by_its_name():
    for form, path in (
        ("a[b][]=%00", ("a", "b", 0)),
        ("a%00=1", ()),
        ("a[%00]=1", ("a",)),
    ):
        with pytest.raises(RefusedValue) as caught:
            urlencoded.loads(form.encode())
        assert caught.value.path == path


def test_it_bounds_fields_and_depth():
    urlencoded.loads(b"&".join(b"a[]=1" for _ in range(1000)))
    with pytest.raises(urlencoded.TooManyFields):
        urlencoded.loads(b"&".join(b"a[]=1" for _ in range(1001)))
    urlencoded.loads(b"a" + b"[b]" * 63 + b"=1")
    with pytest.raises(RefusedValue) as caught:
        urlencoded.loads(b"a" + b"[b]" * 64 + b"=1")
    assert caught.value.path == ("a",)
    with pytest.raises(RefusedValue):
        urlencoded.loads(b"a" + b"[b]" * 30_000 + b"=1")


@given(st.lists(st.sampled_from(b"ab[]=&%0+1\xff"), max_size=80).map(bytes))
def test_it_reads_any_bytes(body):
    for last_counts in (True, False):
        try:
            read = urlencoded.loads(body, last_counts=last_counts)
        except RefusedValue:
            assert b"%00" in body
        else:
            assert isinstance(read, dict)


def test_a_long_list_may_be_written_with_indexes():
    names = [f"n{number}" for number in range(150)]
    assert urlencoded.loads(urlencoded.dumps({"events": names}).encode()) == {
        "events": names
    }
    beyond = "&".join(f"events[{number + 1}]=x" for number in range(150))
    assert isinstance(urlencoded.loads(beyond.encode())["events"], dict)


def test_it_writes_values_as_their_texts():
    fields = {"a": [True, None, 1.5, {"b": "&="}], "c": {"d": "é"}, "e": []}
    text = urlencoded.dumps(fields)
    assert urlencoded.loads(text.encode()) == {
        "a": ["true", "", "1.5", {"b": "&="}],
        "c": {"d": "é"},
        "e": "",
    }


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
fields = st.recursive(
    texts,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4)
        | st.dictionaries(
            st.from_regex(r"[a-z]{1,4}", fullmatch=True), inner, min_size=1
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), fields))
def test_what_it_writes_it_reads(form):
    for last_counts in (False, True):
        text = urlencoded.dumps(form).encode()
        assert urlencoded.loads(text, last_counts=last_counts) == form
