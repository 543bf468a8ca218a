import argparse
import socket

import pytest

from webhooks.management import addresses
from webhooks.management.addresses import Address


@pytest.mark.parametrize(
    ("text", "expected", "url"),
    [
        ("127.0.0.1:8000", Address("127.0.0.1", 8000), "http://127.0.0.1:8000"),
        ("[::1]:80", Address("::1", 80), "http://[::1]:80"),
        ("0.0.0.0:1", Address("0.0.0.0", 1), "http://127.0.0.1:1"),
        ("[::]:1", Address("::", 1), "http://[::1]:1"),
    ],
)
def test_it_reads_host_and_port(text, expected, url):
    assert addresses.address(text) == expected
    assert str(expected) == text
    assert expected.url == url


@pytest.mark.parametrize("text", ["8000", ":8000", "a:", "a:b", "a:65536", "a:-1", ""])
def test_it_refuses_anything_else(text):
    with pytest.raises(argparse.ArgumentTypeError):
        addresses.address(text)


def test_it_says_why_nothing_can_listen():
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert addresses.listen_error(Address("127.0.0.1", port)) == (
            f"Cannot listen at 127.0.0.1:{port}: Address already in use."
        )
        assert addresses.first_free("127.0.0.1", after=port - 1).port > port
    assert addresses.listen_error(Address("127.0.0.1", port)) is None


def test_it_says_so_when_the_host_is_not_this_machine():
    assert "Cannot listen" in (addresses.listen_error(Address("192.0.2.1", 8000)) or "")


def test_there_is_not_always_a_free_port():
    with pytest.raises(OSError, match="No free port"):
        addresses.first_free("192.0.2.1", after=8000)
