"""The egress policy: an operator opens private networks and closes own addresses.

egress.py has the rules for every URL and address; a policy changes them where it may.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Self

from .denylist import CLOSED, LOOPBACK_V6, METADATA_NAMES

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The WHATWG rule of a host that "ends in a number": the system's resolver reads such a
# name as an IPv4 address in an old spelling.
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# str.lower() would turn the Kelvin sign into a k.
LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
# The operator writes the names on the allow list; names of containers have underscores.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_ALLOWED_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """The exceptions of one operator to the rules of egress.py."""

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    allow_http: bool = False
    self_addresses: tuple[Network, ...] = ()

    @classmethod
    def parse(
        cls,
        allow: str | Iterable[str] = (),
        *,
        allow_http: bool = False,
        self_addresses: str | Iterable[str] = (),
    ) -> Self:
        """Build a policy from the texts of a configuration.

        `allow` holds networks (CIDR), addresses and host names that may be reached
        although they are private, also by plain http. `allow_http` lets public hosts be
        reached by plain http. `self_addresses` are the portal's own public addresses or
        networks, which no delivery may call. Strings are split at commas and spaces.

        Raises ValueError with the entry that is wrong and why.
        """
        entries = [_entry(word) for word in _words(allow)]
        return cls(
            networks=tuple(item for item in entries if not isinstance(item, str)),
            names=frozenset(item for item in entries if isinstance(item, str)),
            allow_http=allow_http,
            self_addresses=tuple(map(_network, _words(self_addresses))),
        )


def _words(value: str | Iterable[str]) -> list[str]:
    words = re.split(r"[\s,]+", value) if isinstance(value, str) else value
    return [word.strip() for word in words if word.strip()]


def _network(word: str) -> Network:
    try:
        return ip_network(word)
    except ValueError as error:
        raise ValueError(f"{word!r} is not an address or network: {error}") from None


def _entry(word: str) -> Network | str:
    name = word.translate(LOWER)
    if "/" in word or ":" in word or NUMBER.fullmatch(name.rpartition(".")[2]):
        network = _network(word)
        if network[0] != LOOPBACK_V6 and any(
            network[0] in net and network[-1] in net for net in CLOSED
        ):
            raise ValueError(f"{word!r} stays closed: it may hold a metadata service")
        return network
    if name in METADATA_NAMES:
        raise ValueError(f"{word!r} stays closed: it names a metadata service")
    if not _ALLOWED_NAME.fullmatch(name):
        raise ValueError(f"{word!r} is not a network, an address or a host name")
    return name
