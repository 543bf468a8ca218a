"""A server with little behind it: `python -m tests.server.application '{"seconds": 1}'`."""

import json
import os
import resource
import socket
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

from tests.waiting import eventually
from webhooks.management.supervisor import Supervisor
from webhooks.server import limits, sockets
from webhooks.server.worker import Application, Worker

THREADS = 2
KEYS = {"a": "Ann", "b": "Bob", "c": "Cleo"}
LONG = 2 * limits.MEBIBYTE

calls: list[str] = []


def application(environ, start_response):
    path = environ["PATH_INFO"]
    calls.append(path)
    answer = ANSWERS.get(path, _seen)
    environ["webhooks.caller"] = KEYS.get(environ.get("HTTP_X_KEY", ""), "")
    status = "204 No Content" if path == "/empty" else "200 OK"
    start_response(status, [("Content-Length", "7")])  # never true
    return [answer(environ)]


def _seen(environ) -> bytes:
    found: dict[str, object] = {k: v for k, v in environ.items() if isinstance(v, str)}
    found["body"] = len(environ["wsgi.input"].read())
    return json.dumps(found).encode()


def _hold(environ) -> bytes:
    """Until the file of the query is there. A file beside it tells that a thread waits."""
    release = Path(environ["QUERY_STRING"])
    release.with_name(f"held-{uuid.uuid4()}").touch()
    eventually(release.exists)
    return b"held"


def refuse(environ, status, reason, seconds):
    """A record on standard error, and the same to the client."""
    if environ["PATH_INFO"] == "/refuse/raise":
        raise RuntimeError("a detail")
    keys = ("REQUEST_METHOD", "PATH_INFO", "REMOTE_ADDR", "HTTP_X_FORWARDED_FOR")
    record = {key: environ.get(key) for key in keys}
    record |= {"status": status, "reason": reason, "seconds": seconds}
    body = json.dumps(record)
    sys.stderr.write(f"{body}\n")
    sys.stderr.flush()
    return [("X-Request-Id", "of the application")], body.encode()


def _edges(environ) -> bytes:
    """How often the kernel gave memory for 300 calls, at the worst of 200 depths."""

    def given(depth: int) -> int:
        if depth:
            return given(depth - 1)
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        for _ in range(300):
            _nothing()
        return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before

    return str(max(given(depth) for depth in range(200))).encode()


def _nothing() -> None:
    pass


ANSWERS: dict[str, Callable[..., bytes]] = {
    "/big": lambda environ: b"x" * int(environ["QUERY_STRING"]),
    "/calls": lambda _: json.dumps(calls).encode(),
    "/edges": _edges,
    "/empty": lambda _: b"",
    "/hold": _hold,
    "/pid": lambda _: str(os.getpid()).encode(),
    "/exit": lambda _: sys.exit(1),
    "/raise": lambda _: bytes(-1),
}


def longest_body(path: bytes) -> int | None:
    return {b"/long": LONG, b"/short": 100 * limits.KIBIBYTE}.get(path)


def serve(stop_seconds: float = 30, threads: int = THREADS, **chosen: float) -> None:
    """`chosen`: fields of Limits, and in capitals the constants beside it."""
    for name in [name for name in chosen if name.isupper()]:
        setattr(limits, name, chosen.pop(name))
    (listening,) = sockets.listen(socket.AF_INET, ("127.0.0.1", 0), 1)
    worker = Worker(
        Application(
            application, longest_body, refuse, frozenset({b"partner_key"}), {b"x-key"}
        ),
        limits.Limits(**chosen),  # type: ignore[arg-type]
        threads=threads,
    )
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    Supervisor(
        1,
        lambda _, begun: worker.run(listening, begun=begun, stop_seconds=stop_seconds),
        name="web",
        stop_seconds=stop_seconds,
        stopping=listening.close,
    ).run()


if __name__ == "__main__":
    serve(**json.loads(sys.argv[1]))
