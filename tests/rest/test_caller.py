"""Where a key and an address are read from."""

import pytest
from django.test import RequestFactory

from webhooks.rest import caller


def request(**meta):
    return RequestFactory().get("/", **meta)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Bearer abc", "abc"),
        ("bEARER   abc ", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
    ],
)
def test_it_reads_a_bearer_header(header, expected):
    assert caller.bearer(request(HTTP_AUTHORIZATION=header)) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic YWJjOg==", "abc"),
        ("bASIC  YWJjOnNlY3JldA== ", "abc"),  # abc:secret
        ("Basic YWJj", "abc"),
        ("Basic OnNlY3JldA==", None),  # :secret
        ("Basic /w==", None),
        ("Basic *", None),
        ("Basic \u00e9", None),
        ("Basic", None),
        ("Bearer YWJjOg==", None),
        ("", None),
    ],
)
def test_it_reads_the_user_name_of_a_basic_header(header, expected):
    assert caller.basic(request(HTTP_AUTHORIZATION=header)) == expected


def test_a_key_may_be_sent_by_bearer_or_basic():
    for header in ("Bearer abc", "Basic YWJjOg=="):
        sent = request(HTTP_AUTHORIZATION=header)
        assert caller.BearerOrBasicKey().key_text(sent) == "abc"
