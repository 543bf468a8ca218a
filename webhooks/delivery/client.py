"""The one outbound socket: posts a body to a URL that a partner chose.

Every attempt resolves the name itself, checks every address of the answer and dials one of
them. aiohttp is given the address in place of the name; the name is used for the Host header
and for TLS. So nothing looks the name up between the check and the connect. The pool of open
connections is keyed by the checked address: a connection is used again only while the name
still resolves to its address. The price: the addresses of a name are tried one after the
other, not at the same time.

Redirects are not followed, nothing is read from the environment (proxies, .netrc), no cookies
are kept, and of an answer only the part that is stored is read.
"""

import asyncio
import os
import socket
import ssl
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from . import answer
from .egress import Refused, Target, check_address, check_url
from .egress_policy import EgressPolicy
from .lookup import Lookups, Resolver
from .result import Outcome, Result
from .timing import TimedConnector, Timing, begin

HEADER_LIMIT = 8 * 1024
HEADER_COUNT = 100
"""A longer header, or more headers, end the attempt: a receiver can fill at most 800 KiB of
memory with them."""

KEEP_ALIVE_SECONDS = 4.0
"""Shorter than the five seconds after which Node and Apache close a connection: a POST that
is sent while the other side closes it is lost."""

MAX_DIALS = 4
"""Addresses tried in one attempt. A name may have hundreds."""

RESOLVER_THREADS = 64
"""A name server that never answers holds a thread for up to half a minute. So look-ups have
threads of their own, beside those that work with the database."""

_ERROR_LENGTH = 500
# `send` has its own deadline for everything.
_UNLIMITED = aiohttp.ClientTimeout(total=None, sock_connect=None)


class _Failed(Exception):
    """The attempt ended without an answer."""

    def __init__(self, outcome: Outcome, error: object) -> None:
        super().__init__(error)
        self.outcome = outcome


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
        resolve: Resolver | None = None,
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
        self._resolve = resolve
        self._threads: ThreadPoolExecutor | None = None
        # Both depend on their arguments and on a policy that does not change. So a kept
        # answer is the same as a check at every attempt, only faster.
        self._check_url = lru_cache(4096)(partial(check_url, policy=policy))
        self._check_address = lru_cache(4096)(partial(check_address, policy=policy))

    async def __aenter__(self) -> Self:
        if self._resolve is None:
            self._threads = ThreadPoolExecutor(RESOLVER_THREADS, "resolver")
        self._lookups = Lookups(self._resolve or self._ask_system)
        self._session = aiohttp.ClientSession(
            connector=TimedConnector(
                ssl=self._ssl, limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_UNLIMITED,
            headers=self._headers,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
            trust_env=False,
            auto_decompress=False,
            max_line_size=HEADER_LIMIT,
            max_field_size=HEADER_LIMIT,
            max_headers=HEADER_COUNT,
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._lookups.close()
        await self._session.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(
        self, url: str, *, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> Result:
        """Post `body` once; returns how it ended.

        `timeout` is in seconds, for the look-up, connection, TLS, request and answer
        together. `headers` replace the client's own, except Host, which is the URL's.
        Whatever the receiver does becomes a Result; ValueError is raised for headers that
        no request can carry.
        """
        started = time.perf_counter()
        timing = begin()
        try:
            async with asyncio.timeout(timeout):
                status, pairs, content = await self._attempt(
                    url, body, headers, started + timeout, timing
                )
        # Only the text is kept. A kept exception would keep this frame, and the body in it,
        # until the garbage collector runs, which is seldom in a worker.
        except Refused as refused:
            outcome, error = Outcome.REFUSED, str(refused)
        except TimeoutError:
            outcome, error = Outcome.TIMEOUT, f"not over within {timeout:g} s"
        except _Failed as failed:
            outcome, error = failed.outcome, str(failed)
        else:
            return Result(
                outcome=answer.outcome(status),
                duration=time.perf_counter() - started,
                lookup=timing.lookup,
                connect=timing.connect,
                status=status,
                headers=pairs,
                body=content,
            )
        return Result(
            outcome=outcome,
            duration=time.perf_counter() - started,
            lookup=timing.lookup,
            connect=timing.connect,
            error=_printable(error),
        )

    async def _attempt(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        deadline: float,
        timing: Timing,
    ) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        target = self._check_url(url)
        addresses = await self._checked_addresses(target, timing)
        sent = {**headers, "Host": target.authority}
        try:
            response = await self._post(target, addresses, body, sent, deadline)
            try:
                content = await answer.read(response)
            except BaseException:
                response.close()
                raise
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError) as error:
            raise _Failed(Outcome.BAD_ANSWER, _describe(error)) from error
        return response.status, answer.kept_headers(response), content

    async def _checked_addresses(
        self, target: Target, timing: Timing
    ) -> tuple[str, ...]:
        """The addresses to dial for a target. One that may not be called refuses all."""
        if target.is_address:
            found: Sequence[str] = (target.host,)
        else:
            started = time.perf_counter()
            try:
                found = await self._lookups.addresses(target.host, target.port)
            except (OSError, UnicodeError) as error:
                raise _Failed(Outcome.DNS, _describe(error)) from error
            finally:
                timing.lookup = time.perf_counter() - started
        return tuple(
            self._check_address(address, is_allowed=target.is_allowed)
            for address in found
        )[:MAX_DIALS]

    async def _post(
        self,
        target: Target,
        addresses: tuple[str, ...],
        body: bytes,
        headers: Mapping[str, str],
        deadline: float,
    ) -> aiohttp.ClientResponse:
        """The head of the response, from the first address that takes a connection."""
        errors = []
        for left in range(len(addresses), 0, -1):
            address = addresses[-left]
            try:
                return await self._session.post(
                    _dialled(target, address),
                    data=body,
                    headers=headers,
                    server_hostname=target.host,
                    allow_redirects=False,
                    timeout=_share(deadline, left),
                )
            except aiohttp.ClientSSLError as error:
                raise _Failed(Outcome.TLS, _describe(error)) from error
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as e:
                errors.append(f"{address} port {target.port}: {_unreached(e)}")
        raise _Failed(Outcome.CONNECT, "; ".join(errors))

    async def _ask_system(self, host: str, port: int) -> list[str]:
        answer = await asyncio.get_running_loop().run_in_executor(
            self._threads,
            partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM),
        )
        return [str(sockaddr[0]) for *_, sockaddr in answer]


@lru_cache(4096)
def _dialled(target: Target, address: str) -> URL:
    """The target's URL with a checked address in place of its host.

    It is built from the checked parts, so nothing parses the URL again. The query stays in
    the path, so that every byte of it is sent, also an empty query.
    """
    return URL.build(
        scheme=target.scheme,
        host=f"[{address}]" if ":" in address else address,
        port=target.port,
        path=target.path,
        encoded=True,
    )


def _share(deadline: float, left: int) -> aiohttp.ClientTimeout:
    """The time limit of one connect when `left` addresses are still to be tried.

    Equal parts of the time that is left: an address that never answers must not use up the
    time of the others.
    """
    if left == 1:
        return _UNLIMITED
    share = (deadline - time.perf_counter()) / left
    return aiohttp.ClientTimeout(total=None, sock_connect=share)


def _unreached(error: aiohttp.ClientError) -> str:
    """The system's own error text, if there is one: aiohttp's text names the address again,
    and TLS even where there is none."""
    said = _describe(error)
    number = isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno
    return os.strerror(number) if number else said


def _describe(error: BaseException) -> str:
    """The error as text. Its frames are cleared, because they hold the body: aiohttp keeps
    errors in reference cycles, which only the garbage collector breaks."""
    passed: BaseException | None = error
    while passed is not None:
        traceback.clear_frames(passed.__traceback__)
        passed = passed.__cause__ or passed.__context__
    return f"{type(error).__name__}: {error}"


def _printable(text: str) -> str:
    """One line that can be stored and logged: errors quote what a receiver sent."""
    shown = (
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text
    )
    return "".join(shown)[:_ERROR_LENGTH]
