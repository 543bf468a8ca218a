"""The test run itself reaches no further than this machine."""

import socket

import pytest
from pytest_socket import SocketConnectBlockedError


@pytest.mark.filterwarnings("ignore:A test tried to use")
def test_it_cannot_leave_the_machine():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as outbound:
        outbound.settimeout(1)
        with pytest.raises(SocketConnectBlockedError):
            outbound.connect(("192.0.2.1", 9))
