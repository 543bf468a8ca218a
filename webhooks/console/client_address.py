"""Where a request comes from: the client's address, and the scheme that it used.

Without proxies both are those of the connection. With `TRUSTED_PROXIES` of them in front, both are
what the outermost one told. This is the one place that reads what proxies tell: it puts the result
where Django and WSGI keep address and scheme, and removes the headers. So `is_secure`, audit
entries, the login's counts and logs cannot disagree, and no forged header is left to be believed.
The id that a proxy gave to a request stays only where there are proxies.
"""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

_SCHEMES = {"http", "https"}


class ClientAddress:
    """Middleware, the first: sets `REMOTE_ADDR` and the scheme of every request, once."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        forwarded_for = meta.pop("HTTP_X_FORWARDED_FOR", "")
        forwarded_proto = meta.pop("HTTP_X_FORWARDED_PROTO", "")
        peer = parse(meta.get("REMOTE_ADDR", ""))
        meta["REMOTE_ADDR"] = peer or ""
        hops: int = settings.TRUSTED_PROXIES
        if hops:
            # Each proxy appends the address that it was called from: what stands further left
            # came with the request. Too few entries, or one that is no address: this request
            # did not pass the proxies, and only the connection is believed.
            told = forwarded_for.split(",")
            meta["REMOTE_ADDR"] = (
                (len(told) >= hops and parse(told[-hops])) or peer or ""
            )
            # Most proxies replace this header, and then it has one entry.
            schemes = [each.strip().lower() for each in forwarded_proto.split(",")]
            scheme = schemes[-min(hops, len(schemes))]
            if scheme in _SCHEMES:
                meta["wsgi.url_scheme"] = scheme
        else:
            meta.pop("HTTP_X_REQUEST_ID", None)
        return self.get_response(request)


def client_ip(request: HttpRequest) -> str | None:
    """The client's address, as `ipaddress` writes it; None where there is none, as behind a
    Unix socket. IPv4 is never written as IPv6, and there is no port and no zone."""
    return request.META.get("REMOTE_ADDR") or None


def client_network(request: HttpRequest) -> str | None:
    """The client's address as it is counted: of IPv6 the first of its /64. One line has a whole
    /64, so that its user could count for 2**64 clients."""
    address = client_ip(request)
    if address is None or ":" not in address:
        return address
    return str(ip_network((address, 64), strict=False).network_address)


def parse(text: str) -> str | None:
    """An address as a proxy writes it: `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`,
    `[2001:db8::1]:443`, `fe80::1%eth0`, `::ffff:192.0.2.1`. None for everything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        # A zone says which network card of the proxy it was, and may be any text.
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(found)
