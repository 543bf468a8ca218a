"""The actor of a browser's request, for the audit log: the person, and the IP address."""

from django.http import HttpRequest

from webhooks.operations.audit import Actor

from .client_address import client_ip


def staff_actor(request: HttpRequest) -> Actor:
    """The logged-in member of staff, as the audit log names them."""
    return Actor.of_staff(
        user_id=request.user.pk,
        username=request.user.get_username(),
        ip=client_ip(request),
    )
