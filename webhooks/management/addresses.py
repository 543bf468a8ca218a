"""The address a server listens at, as an operator writes it."""

import argparse
import socket  # noqa: TID251 - it binds, and never connects
from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    host: str  # without the brackets of IPv6
    port: int

    def __str__(self) -> str:
        return (
            f"[{self.host}]:{self.port}"
            if ":" in self.host
            else f"{self.host}:{self.port}"
        )

    @property
    def url(self) -> str:
        """Where a person on this machine opens it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{Address(host, self.port)}"


def address(text: str) -> Address:
    """`HOST:PORT`, `[IPv6]:PORT`; raises what argparse turns into a usage error."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT.")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def resolved(wanted: Address) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """Family and socket address of an IP address or a host name, IPv4 if it has one; raises
    OSError or UnicodeError when no such host is known."""
    found = socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM)
    family, _, _, _, where = min(found, key=lambda each: each[0] != socket.AF_INET)
    return family, (str(where[0]), wanted.port)


def listen_error(wanted: Address) -> str | None:
    """A sentence on why nothing can listen there; None when it can.

    Check it before a start: the server shares its port between workers (SO_REUSEPORT), so a
    second server would start without an error and take half of the requests.
    """
    try:
        family, where = resolved(wanted)
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return f"Cannot listen at {wanted}: {reason}."
    return None


def first_free(host: str, *, after: int) -> Address:
    """The first free port above `after`; raises OSError when none of the next 50 is."""
    for port in range(after + 1, min(after + 51, 65536)):
        if listen_error(Address(host, port)) is None:
            return Address(host, port)
    raise OSError(f"No free port after {after} on {host}.")
