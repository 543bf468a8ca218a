"""Posts a body to a URL that a partner chose, and says how it ended.

Every attempt resolves the name itself, checks every address of the answer and dials one of
them. The name is used for the Host header and for TLS, and nothing looks it up between the
check and the connect. A connection is used again only while the name still resolves to its
address. The price: the addresses of a name are tried one after the other, not at the same
time.

Redirects are not followed, nothing is read from the environment (proxies, .netrc), no cookies
are kept, nothing is inflated, and of an answer only the part that is stored is read.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from types import TracebackType
from typing import Self
from uuid import UUID

from . import answer, lookup
from .egress import Refused, Target, check_address, check_url
from .egress_policy import EgressPolicy
from .http.connection import Connection
from .http.dialling import Unreached, Untrusted
from .http.pool import Pool
from .http.reader import Answer, BadAnswer
from .http.request import Destination
from .result import Outcome, Result
from .timing import Timing

MAX_DIALS = 4
"""Addresses tried in one attempt. A name may have hundreds."""

_ERROR_LENGTH = 500


class Client:
    """Posts to what the policy allows; an async context manager, used within one event loop.

    `resolve` and `ssl_context` replace the system's resolver and certificate store. A
    context that does not verify raises ValueError. The caller limits how many posts are
    under way at once.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        user_agent: str = "WebhookPortal",
        resolve: lookup.Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._ssl = ssl_context or ssl.create_default_context()
        if self._ssl.verify_mode != ssl.CERT_REQUIRED or not self._ssl.check_hostname:
            raise ValueError("the ssl_context must verify certificates and host names")
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "*/*",
            # No compressed answers: they could be bombs, and are only stored.
            "Accept-Encoding": "identity",
        }
        self._policy = policy
        self._resolve = resolve or lookup.ask_system
        # Both depend on their arguments and on a policy that does not change. So a kept
        # answer is the same as a check at every attempt, only faster.
        self._destination = lru_cache(4096)(self._check)
        self._check_address = lru_cache(4096)(partial(check_address, policy=policy))

    async def __aenter__(self) -> Self:
        self._lookups = lookup.Lookups(self._resolve)
        self._pool = Pool(self._ssl)
        self._now = asyncio.get_running_loop().time
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._lookups.close()
        await self._pool.close()

    async def send(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        timeout: float,
        partner: UUID,
    ) -> Result:
        """Post `body` once; returns how it ended.

        `timeout` is in seconds, for the look-up, connection, TLS, request and answer
        together. The look-up counts for `partner`, whose URL it is. `headers` replace the
        client's own, except Host, which is the URL's, and those that frame the body.
        Whatever the receiver does becomes a Result; ValueError is raised for headers that
        no request can carry.
        """
        started = self._now()
        timing = Timing()
        try:
            found = await self._attempt(
                url, body, headers, started + timeout, timing, partner
            )
        except Refused as refused:
            outcome, error = Outcome.REFUSED, str(refused)
        except lookup.NoAddress as missing:
            outcome, error = Outcome.DNS, str(missing)
        except Unreached as unreached:
            outcome, error = Outcome.CONNECT, str(unreached)
        except Untrusted as untrusted:
            outcome, error = Outcome.TLS, str(untrusted)
        except TimeoutError:
            outcome, error = Outcome.TIMEOUT, f"not over within {timeout:g} s"
        except BadAnswer as bad:
            outcome, error = Outcome.BAD_ANSWER, str(bad)
        else:
            return Result(
                outcome=answer.outcome(found.status),
                duration=self._now() - started,
                lookup=timing.lookup,
                connect=timing.connect,
                status=found.status,
                headers=answer.kept_headers(found.headers),
                body=found.body,
            )
        return Result(
            outcome=outcome,
            duration=self._now() - started,
            lookup=timing.lookup,
            connect=timing.connect,
            error=_printable(error),
        )

    def _check(self, url: str) -> Destination:
        return Destination(check_url(url, self._policy), self._headers)

    async def _attempt(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        deadline: float,
        timing: Timing,
        partner: UUID,
    ) -> Answer:
        destination = self._destination(url)
        head = destination.head(headers, length=len(body))
        addresses = await self._addresses(destination.target, deadline, timing, partner)
        connection = await self._connection(destination, addresses, deadline, timing)
        found = await connection.exchange(head, body, deadline=deadline)
        self._pool.give_back(connection, destination.origin)
        return found

    async def _addresses(
        self, target: Target, deadline: float, timing: Timing, partner: UUID
    ) -> tuple[str, ...]:
        """The addresses to dial for a target. One that may not be called refuses all."""
        if target.is_address:
            found: Sequence[str] = (target.host,)
        else:
            found = await self._look_up(target, deadline, timing, partner)
        return tuple(
            [
                self._check_address(address, is_allowed=target.is_allowed)
                for address in found
            ]
        )[:MAX_DIALS]

    async def _look_up(
        self, target: Target, deadline: float, timing: Timing, partner: UUID
    ) -> Sequence[str]:
        started = self._now()
        try:
            return self._lookups.known(
                target.host, target.port
            ) or await self._lookups.addresses(
                target.host, target.port, partner=partner, deadline=deadline
            )
        finally:
            timing.lookup = self._now() - started

    async def _connection(
        self,
        destination: Destination,
        addresses: tuple[str, ...],
        deadline: float,
        timing: Timing,
    ) -> Connection:
        """An open connection to one of the addresses, otherwise a new one."""
        for address in addresses:
            connection = self._pool.take(destination.origin, address)
            if connection is not None:
                return connection
        started = self._now()
        try:
            return await self._pool.dial(
                destination.target, addresses, deadline=deadline
            )
        finally:
            timing.connect = self._now() - started


def _printable(text: str) -> str:
    """One line that can be stored and logged: errors quote what a receiver sent."""
    shown = (
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text
    )
    return "".join(shown)[:_ERROR_LENGTH]
