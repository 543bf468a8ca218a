"""From the parsed head of a request to a WSGI environment, and from a WSGI answer to bytes."""

import sys
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

import httptools

from . import limits

# They speak of the connection or of how a body was sent, which is over.
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"transfer-encoding", b"te", b"expect"}
)

_FIXED: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.url_scheme": "http",
    "wsgi.input_terminated": True,
}


@dataclass(slots=True)
class Head:
    """A request without its body, as it arrived."""

    method: str = ""
    target: bytes = b""
    version: str = "1.1"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)

    def values(self, name: bytes) -> list[bytes]:
        """Every value of a header, by its name in small letters."""
        return [value for each, value in self.headers if each.lower() == name]

    @property
    def size(self) -> int:
        """Its bytes, without the method and what stands around the values."""
        return len(self.target) + sum(len(n) + len(v) + 4 for n, v in self.headers)

    @property
    def path(self) -> bytes:
        return self.target.partition(b"?")[0]

    def parts(self) -> tuple[bytes, bytes, bytes]:
        """Path, query, and the host of a target that is a whole URL. The path is empty where the
        target is none, or no whole one yet."""
        target = self.target
        if target.startswith(b"/"):
            path, _, query = target.partition(b"#")[0].partition(b"?")
            return path, query, b""
        if target == b"*":
            return target, b"", b""
        try:
            url = httptools.parse_url(target)
        except httptools.HttpParserInvalidURLError:
            return b"", b"", b""
        authority = (url.host or b"") + (b":%d" % url.port if url.port else b"")
        return url.path or b"/", url.query or b"", authority

    def environ(
        self,
        body: bytes | bytearray,
        length: int,
        *,
        peer: str,
        host: str,
        port: int,
        underscored: Collection[bytes],
    ) -> dict[str, Any]:
        """The WSGI environment. `length` is that of the body as the client has it, which is more
        than that of `body` when nobody wants the whole of it. `underscored` are the names of
        headers, in small letters, that may have an underscore."""
        path, query, authority = self.parts()
        environ = {
            **_FIXED,
            "REQUEST_METHOD": self.method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query.decode("latin-1"),
            "SERVER_PROTOCOL": f"HTTP/{self.version}",
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "REMOTE_ADDR": peer,
            "wsgi.input": BytesIO(body),
        }
        for name, value in self.headers:
            if len(name) > limits.HEADER_NAME:
                continue
            variable = _variable(name)
            if variable is None or (b"_" in name and name.lower() not in underscored):
                continue
            text = value.decode("latin-1")
            if variable in environ:
                separator = "; " if variable == "HTTP_COOKIE" else ","
                text = f"{environ[variable]}{separator}{text}"
            environ[variable] = text
        if authority:
            environ["HTTP_HOST"] = authority.decode("latin-1")
        if length or "CONTENT_LENGTH" in environ:
            environ["CONTENT_LENGTH"] = str(length)
        return environ


@lru_cache(maxsize=1024)
def _variable(name: bytes) -> str | None:
    """The variable that WSGI keeps a header in; None for one that is not handed on.

    A hyphen and an underscore are alike there. So a name with an underscore would overwrite or
    join another header, which a proxy in front has set or removed: see `Head.environ`.
    """
    if name.lower() in _HOP_BY_HOP:
        return None
    variable = name.decode("latin-1").upper().replace("-", "_")
    return (
        variable
        if variable in ("CONTENT_TYPE", "CONTENT_LENGTH")
        else f"HTTP_{variable}"
    )


def response(
    status: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    head: Head,
    keep: bool,
) -> bytes:
    """An answer to the request of that head. `keep`: the connection stays open after it."""
    lines = [f"HTTP/1.1 {status}"]
    has_body = status[:3] not in ("204", "304")
    length = str(len(body)) if has_body else None
    for name, value in headers:
        lower = name.lower()
        if lower == "content-length":
            # Of an answer to HEAD only the application knows it. Elsewhere a wrong one would end
            # the answer in the middle, or in the next one.
            length = value if has_body and head.method == "HEAD" else length
        elif lower != "connection":
            lines.append(f"{name}: {value}")
    if length is not None:
        lines.append(f"Content-Length: {length}")
    lines.append(f"Date: {_date(int(time.time()))}")
    if not keep:
        lines.append("Connection: close")
    elif head.version == "1.0":
        lines.append("Connection: keep-alive")
    top = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return top + body if has_body and head.method != "HEAD" else top


@lru_cache(maxsize=1)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
