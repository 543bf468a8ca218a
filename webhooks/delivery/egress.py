"""Checks whether a delivery may reach a URL and the addresses of its host.

Partners choose where this process connects to, so a URL is refused unless it leads to a
public receiver. `check_url` checks its text, when the URL is saved and again before it is
used. `check_address` checks each address that the name resolves to, because the owner of the
name chooses the addresses. Both checks are needed.

The standard library's `is_private` and `is_global` are not used: they call multicast,
site-local and NAT64 addresses global, and their answers change between patch releases of
Python. The lists are our own, in denylist.py.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NoReturn

import idna

from .denylist import (
    BAD_PORTS,
    CLOSED,
    DENIED,
    DENIED_IN_GLOBAL_UNICAST,
    GLOBAL_UNICAST,
    LOOPBACK_V6,
    METADATA_NAMES,
    PRIVATE_SUFFIXES,
)
from .egress_policy import LOWER, NUMBER, Address, EgressPolicy

MAX_URL_LENGTH = 2048
DEFAULT_PORTS = {"https": 443, "http": 80}

# RFC 3986, appendix B; it matches every string. This is the only parser of URLs here, and
# the parts that it finds are the parts that are sent.
_URL = re.compile(r"(?s)(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?")
_PRINTABLE = re.compile(r"[!-~]*")
_ENCODED_CONTROL = re.compile(r"%(?:[01][0-9a-f]|7f)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::(.*))?", re.DOTALL)
_PORT = re.compile(r"[1-9][0-9]{0,4}")


class Refused(Exception):
    """A URL or an address that no delivery may reach.

    `code` is a stable word for programs, `message` a sentence for the partner.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An allowed URL, in the one form that is sent."""

    scheme: str
    host: str
    """ASCII, lower case; an IPv6 address without brackets."""
    port: int
    path: str
    """Path and query as the partner gave them; at least `/`."""
    is_address: bool
    """Whether the host is an address, so that nothing is resolved."""
    is_allowed: bool
    """Whether the operator's allow list names this host or holds this address."""

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.port == DEFAULT_PORTS[self.scheme]:
            return host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def check_url(url: str, policy: EgressPolicy) -> Target:
    """Check the text of a URL; nothing is resolved.

    Raises Refused. At every attempt `check_address` must also accept every address that the
    name resolves to.
    """
    _check_characters(url)
    match = _URL.fullmatch(url)
    assert match is not None  # noqa: S101  (the expression matches every string)
    scheme, authority, path, query, fragment = match.groups(default="")
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS:
        _refuse("scheme", "The URL must begin with https://.")
    if fragment:
        _refuse("fragment", "The URL must not have a fragment (#…): it is never sent.")
    if not _PRINTABLE.fullmatch(path + query):
        _refuse("characters", "Path and query must be ASCII; percent-encode the rest.")
    host, port = _split_authority(authority, scheme)
    host, address = _check_host(host, policy)
    is_allowed = (
        host in policy.names
        if address is None
        else any(address in net for net in policy.networks)
    )
    if scheme == "http" and not (is_allowed or policy.allow_http):
        _refuse("http", "The URL must begin with https://; plain http is not allowed.")
    _check_port(port, scheme, is_allowed)
    return Target(
        scheme=scheme,
        host=host,
        port=port,
        path=(path or "/") + query,
        is_address=address is not None,
        is_allowed=is_allowed,
    )


def check_address(
    address: str, policy: EgressPolicy, *, is_allowed: bool = False
) -> str:
    """Check one address that is about to be dialled; returns it in its usual spelling.

    `is_allowed`: whether the operator's allow list names its host. Raises Refused.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        _refuse("address", "The host has an address that cannot be read.")
    if _is_closed(ip):
        _refuse("address", "The host has an address that is never called.")
    if any(ip in net for net in policy.self_addresses):
        _refuse("address", "The host has an address of this service itself.")
    is_allowed = is_allowed or any(ip in net for net in policy.networks)
    if not is_allowed and not _is_public(ip):
        _refuse("address", "The host has an address that is not public.")
    return str(ip)


def _refuse(code: str, message: str) -> NoReturn:
    raise Refused(code, message)


def _is_closed(ip: Address) -> bool:
    return ip != LOOPBACK_V6 and any(ip in net for net in CLOSED)


def _is_public(ip: Address) -> bool:
    if isinstance(ip, IPv4Address):
        return not any(ip in net for net in DENIED)
    return ip in GLOBAL_UNICAST and not any(
        ip in net for net in DENIED_IN_GLOBAL_UNICAST
    )


def _check_characters(url: str) -> None:
    if len(url) > MAX_URL_LENGTH:
        _refuse("length", f"The URL is longer than {MAX_URL_LENGTH} characters.")
    # Parsers treat all of these differently: some drop them, some read a backslash as a
    # slash, some decode before they split.
    if not url.isprintable() or " " in url or _ENCODED_CONTROL.search(url):
        _refuse("characters", "The URL must not contain spaces or control characters.")
    if "\\" in url:
        _refuse("characters", "The URL must not contain a backslash.")


def _split_authority(authority: str, scheme: str) -> tuple[str, int]:
    if "@" in authority:
        _refuse("userinfo", "The URL must not contain a user name or password.")
    if "%" in authority:
        _refuse("host", "The host must not be percent-encoded.")
    match = _AUTHORITY.fullmatch(authority)
    if match is None or not match[1]:
        _refuse("host", "The URL has no valid host.")
    host, port = match.groups()
    if port is None:
        return host, DEFAULT_PORTS[scheme]
    if not _PORT.fullmatch(port):
        _refuse("port", "The port must be a number from 1 to 65535.")
    return host, int(port)


def _check_host(host: str, policy: EgressPolicy) -> tuple[str, Address | None]:
    """The host in its normal form, and the address if it is one."""
    host = host.translate(LOWER)
    if host in METADATA_NAMES:
        _refuse("host", "The host is never called.")
    if host in policy.names:
        return host, None
    if host.startswith("[") or NUMBER.fullmatch(host.rpartition(".")[2]):
        address = _read_address(host)
        return check_address(str(address), policy), address
    return _check_name(host), None


def _read_address(host: str) -> Address:
    try:
        address = IPv6Address(host[1:-1]) if host[0] == "[" else IPv4Address(host)
    except ValueError:
        _refuse("host", "The host is not an IP address in its usual spelling.")
    # One spelling for each address, so that no other program reads another address.
    if str(address) != host.strip("[]"):
        _refuse("host", f"The host must be written as {address}.")
    return address


def _check_name(host: str) -> str:
    try:
        # Without mapping: a name that needs it looks like another name. This also refuses
        # underscores, empty and overlong labels and broken punycode.
        name = idna.encode(host, strict=True).decode("ascii")
    except UnicodeError:
        _refuse("host", "The host is not a valid internet name.")
    labels = name.split(".")
    if len(labels) < 2 or not labels[-1]:
        _refuse(
            "host", "The host must be a full public name such as hooks.example.com."
        )
    if labels[-1] in PRIVATE_SUFFIXES:
        _refuse("host", f"Names under .{labels[-1]} are not public.")
    return name


def _check_port(port: int, scheme: str, is_allowed: bool) -> None:
    lowest = 1 if is_allowed else 1024
    if port in BAD_PORTS or port > 65535:
        _refuse("port", f"Port {port} is not allowed.")
    if port < lowest and port != DEFAULT_PORTS[scheme]:
        _refuse("port", f"The port must be {DEFAULT_PORTS[scheme]} or 1024 to 65535.")
