"""Deliveries beside the bare loop with bodies of several sizes, and to receivers with TLS:
over connections that are kept, and over a new one each time."""

import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trustme

from . import bare, machine, side_by_side
from .result import Result
from .side_by_side import Work

AIM = 0.8
KIB = 1024


@dataclass(frozen=True)
class Row:
    what: str
    work: Work
    scheme: str = "http"
    receiver: tuple[str, ...] = ()


ROWS = (
    Row("1 KiB", Work(10_000, size=KIB)),
    Row("16 KiB", Work(4_000, size=16 * KIB)),
    # No event may be larger.
    Row("256 KiB", Work(400, size=256 * KIB)),
    Row("TLS, kept connections", Work(10_000), "https"),
    Row("TLS, a new connection each", Work(2_000), "https", ("--close",)),
)


def run() -> list[Result]:
    with _certificate() as (issued, authority), machine.postgresql() as portal:
        # The portal's client trusts what the system trusts, which this replaces.
        environment = dict(portal) | {"SSL_CERT_FILE": authority}
        tls = ssl.create_default_context(cafile=authority)
        return [_compared(row, environment, issued, tls) for row in ROWS]


def _compared(
    row: Row, environment: machine.Environment, issued: str, tls: ssl.SSLContext
) -> Result:
    options = (*row.receiver, *(("--tls", issued) if row.scheme == "https" else ()))
    yardsticks = {"bare": partial(bare.rate, tls=tls)}
    with machine.receiver("sink", *options, scheme=row.scheme) as url:
        ours, posts = side_by_side.rates(url, environment, row.work, yardsticks)
    return Result(
        what=f"deliveries/s, one worker, PostgreSQL, {row.what}"
        " / bare aiohttp loop with the same",
        measured=ours / posts["bare"],
        target=None,
        aim=AIM,
        detail=f"{ours:,.0f}/s against {posts['bare']:,.0f}/s",
    )


@contextmanager
def _certificate() -> Iterator[tuple[str, str]]:
    """The files of a receiver's certificate with its key, and of who signed it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        own, signed_by = Path(folder, "receiver.pem"), Path(folder, "authority.pem")
        issued.private_key_and_cert_chain_pem.write_to_path(own)
        authority.cert_pem.write_to_path(signed_by)
        yield str(own), str(signed_by)
