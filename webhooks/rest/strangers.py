"""Requests without a valid key: counted by the address that they come from.

A caller whose key is valid is never refused because of others at the same address, so its key is
checked first, and its requests are not counted here. Of the others, one that sends nothing in
the form of a key is refused before its body is read.
"""

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.db import Error
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from webhooks.console.client_address import client_network
from webhooks.models import keyformat
from webhooks.operations import keys

from . import explorer, throttling
from .caller import KeyAuthentication

logger = logging.getLogger(__name__)


class PlainHttp(Exception):
    """The request came by plain http, where TLS is required.

    It is neither served nor redirected: a client that is set up wrongly is to fail, and not to
    send its key for everybody to read, call after call.
    """

    def __str__(self) -> str:
        return (
            "This API is served by https only. An API key that was sent by http could be read "
            "on the way: replace it."
        )


class RefusedByServer(Exception):
    """The web server refuses the request, whose key nobody has looked at: it came too slowly, its
    headers are too long, or there are too many at a time."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def log_key_sent_in_clear(
    authentication: Iterable[type[BaseAuthentication]], request: HttpRequest
) -> None:
    """By its prefix: whoever was on the way may have read it."""
    for prefix in _prefixes([each() for each in authentication], Request(request)):
        logger.warning("The key whk_%s was sent by plain http: replace it.", prefix)


def wait_before(request: Request) -> int | None:
    """The seconds to wait for a caller without a key whose address is over its limit."""
    if explorer.opened(request) or _prefixes(request.authenticators or (), request):
        return None
    network = client_network(request)
    allowance = throttling.left_without_key(network, now=timezone.now())
    return allowance.wait if allowance else None


def wait_after(request: Request, refusal: Exception) -> int | None:
    """Count a request that was refused, unless its key is valid; the seconds to wait when its
    address is over its limit."""
    if explorer.opened(request) or _has_valid_key(request, refusal):
        return None
    return count(request)


def count(request: HttpRequest | Request) -> int | None:
    """Count a request without a valid key; the seconds to wait when it is over the limit."""
    network = client_network(request)
    allowance = throttling.spend_without_key(network, now=timezone.now())
    return allowance.wait if allowance else None


def _prefixes(authenticators: Iterable[Any], request: Request) -> list[str]:
    """The prefix of each text in the request that has the form of a key. Asks no database."""
    return [
        prefix
        for each in authenticators
        if isinstance(each, KeyAuthentication)
        for text in each.texts(request)
        if (prefix := keyformat.lookup_of(text))
    ]


def _has_valid_key(request: Request, refusal: Exception) -> bool:
    if isinstance(refusal, keys.Refused):
        return isinstance(refusal, keys.ScopeMissing)
    try:
        # Checks the key where the vendor refuses something else before it.
        return request.user is not None
    except keys.Refused as refused:
        return isinstance(refused, keys.ScopeMissing)
    except Error:  # the database is away: nobody is counted for that
        return True
