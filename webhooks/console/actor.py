"""The actor of a browser's request, for the audit log: the person, and the IP address."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

from webhooks.operations.audit import Actor


def staff_actor(request: HttpRequest) -> Actor:
    """The logged-in member of staff, as the audit log names them."""
    return Actor.of_staff(
        user_id=request.user.pk,
        username=request.user.get_username(),
        ip=client_ip(request),
    )


def client_ip(request: HttpRequest) -> str | None:
    """The caller's address; of X-Forwarded-For, only what our own proxies wrote is trusted."""
    hops: int = settings.TRUSTED_PROXIES
    address = request.META.get("REMOTE_ADDR", "")
    if hops:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        address = forwarded[-hops].strip() if len(forwarded) >= hops else address
    try:
        return str(ip_address(address))
    except ValueError:
        return None
