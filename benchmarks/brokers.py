"""The brokers that Celery is measured with: a Redis of its own, and the RabbitMQ that runs on
this machine, of which one queue is used and deleted afterwards."""

import os
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import kombu

RABBITMQ = os.environ.get("BENCH_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//")
START = 5.0  # seconds for Redis


@dataclass(frozen=True)
class Broker:
    url: str
    queue: str


@contextmanager
def redis() -> Iterator[Broker]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield Broker(f"redis://127.0.0.1:{port}/0", "webhooks")
    finally:
        process.terminate()
        process.wait()


@contextmanager
def rabbitmq() -> Iterator[Broker]:
    """Raises OSError where there is none."""
    with kombu.Connection(RABBITMQ, connect_timeout=2) as connection:
        connection.ensure_connection(max_retries=1, timeout=2)
        queue = f"bench-{uuid.uuid4().hex}"
        try:
            yield Broker(RABBITMQ, queue)
        finally:
            # Celery has named the exchange like the queue.
            channel = connection.channel()
            channel.queue_delete(queue)
            channel.exchange_delete(queue)
