"""What the benchmarks run on: databases of their own, and processes over them."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg

TIME_LIMIT = 120  # seconds for a process that ends by itself
SERVER = os.environ.get("BENCH_POSTGRES", "postgres://postgres@127.0.0.1:5432")


@contextmanager
def database() -> Iterator[str]:
    """The URL of an empty PostgreSQL database, which is dropped afterwards."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{SERVER}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def python(environment: Mapping[str, str], *arguments: str) -> str:
    """What a Python process printed; raises CalledProcessError when it fails."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=TIME_LIMIT,
    ).stdout
