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
