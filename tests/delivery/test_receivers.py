"""What receivers do, and what becomes of a delivery: through a worker, over real sockets
and real TLS, up to what the partner reads of it."""

import gzip
import itertools
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.utils import timezone

from tests import factories
from tests.api.calls import body_of, call
from tests.delivery.backlog import deliver, publish, subscription
from webhooks.delivery import lookup, standard, wire
from webhooks.delivery.result import UNREACHABLE
from webhooks.models import Attempt, Delivery, Endpoint

pytestmark = pytest.mark.django_db(transaction=True)

TIMEOUT = 1.5
HANG = 20.0
"""Seconds that nothing takes unless a receiver is waited for: one drips for 30."""
STATUS = "The endpoint answered with status {}."
REDIRECT = "The endpoint answered with a redirect, which is not followed."
NETWORK = {"dns", "connect", "tls", "timeout", "bad_answer", "refused"}


def later():
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a receiver does at a path, and what is expected of it."""

    outcome: str
    answer: Mapping[str, object] = field(default_factory=dict)
    status: int | None = None
    state: str = "pending"
    wait: float = 5  # seconds, give or take a fifth
    pauses: bool = False
    is_disabled: bool = False


def endless():
    """1 GiB, a chunk at a time."""
    return itertools.repeat(b"x" * 65536, 2**14)


def answers():
    ok = {"outcome": "ok", "status": 200, "state": "delivered"}
    asked = {"outcome": "status", "wait": 3600, "pauses": True}
    slowed = {"outcome": "status", "pauses": True}
    mega = b"X-Big: " + b"a" * 2**20
    return {
        "/200": Case(**ok),
        "/204": Case(answer={"status": 204}, **ok | {"status": 204}),
        "/301": Case(
            answer={"status": 301, "headers": {"Location": "/followed"}},
            outcome="redirect",
            status=301,
        ),
        "/307": Case(
            answer={"status": 307, "headers": {"Location": "/followed"}},
            outcome="redirect",
            status=307,
        ),
        "/400": Case(answer={"status": 400}, outcome="status", status=400),
        "/410": Case(
            answer={"status": 410},
            outcome="status",
            status=410,
            state="cancelled",
            is_disabled=True,
        ),
        "/429": Case(answer={"status": 429}, status=429, **slowed),
        "/429-seconds": Case(
            answer={"status": 429, "headers": {"Retry-After": "3600"}},
            status=429,
            **asked,
        ),
        "/503-date": Case(
            answer={"status": 503, "headers": {"Retry-After": later()}},
            status=503,
            **asked,
        ),
        "/500": Case(answer={"status": 500}, outcome="status", status=500),
        "/502": Case(answer={"status": 502}, status=502, **slowed),
        "/504": Case(answer={"status": 504}, status=504, **slowed),
        "/silent": Case(answer={"delay": 60}, outcome="timeout"),
        "/drip": Case(answer={"body": b"x" * 600, "drip": 0.05}, outcome="timeout"),
        "/endless": Case(answer={"body": endless()}, **ok),
        "/bomb": Case(
            answer={
                "body": gzip.compress(b"\0" * 20_000_000),
                "headers": {"Content-Encoding": "gzip"},
            },
            **ok,
        ),
        "/headers": Case(
            answer={"raw": b"HTTP/1.1 200 OK\r\n" + mega + b"\r\n\r\n"},
            outcome="bad_answer",
        ),
        "/hangs-up": Case(answer={"drop": True}, outcome="bad_answer"),
        "/cut": Case(
            answer={"raw": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"},
            outcome="bad_answer",
        ),
        "/no-http": Case(
            answer={"raw": b"SSH-2.0-OpenSSH_9.2\r\n"}, outcome="bad_answer"
        ),
        "/nul": Case(
            answer={"raw": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"},
            outcome="bad_answer",
        ),
        "/odd-bytes": Case(
            answer={
                "raw": b"HTTP/1.1 299 \xff\r\nX: \xe9\xff\r\nContent-Length: 3\r\n\r\n\0\xff\xfe"
            },
            **ok | {"status": 299},
        ),
    }


@pytest.fixture
def impatient(monkeypatch):
    profile = replace(wire.profile(standard.NAME), timeout=TIMEOUT)
    monkeypatch.setitem(wire._profiles, standard.NAME, profile)


@pytest.fixture
def trusting(authority, tmp_path, monkeypatch):
    """The system's certificate store is the test's authority."""
    store = tmp_path / "store.pem"
    (root,) = authority.trusted_by().get_ca_certs(binary_form=True)
    store.write_text(ssl.DER_cert_to_PEM_cert(root))
    monkeypatch.setenv("SSL_CERT_FILE", str(store))


@pytest.fixture
def nowhere(monkeypatch):
    """Whatever this machine's name server says, one name does not exist."""
    ask = lookup.ask_system

    async def resolve(host, port):
        if host == "nowhere.example.org":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return await ask(host, port)

    monkeypatch.setattr(lookup, "ask_system", resolve)


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_each_behaviour_has_its_outcome_and_delays_no_other_receiver(
    receiver, secure_receiver, impatient, trusting, nowhere, client
):
    cases = {}
    for path, case in answers().items():
        cases[receiver.url(path)] = case
        if case.answer:
            receiver.answer(path, **case.answer)
    for kind in ("expired", "wrong_host", "stranger", "self_signed"):
        url = secure_receiver(kind).url(host="localhost")
        cases[url] = Case(outcome="tls")
    delivered = Case(outcome="ok", status=200, state="delivered")
    cases[secure_receiver("valid").url(host="localhost")] = delivered
    cases[f"https://127.0.0.1:{receiver.port}/plain"] = Case(outcome="tls")
    cases[f"http://127.0.0.1:{closed_port()}/"] = Case(outcome="connect")
    cases["https://nowhere.example.org/"] = Case(outcome="dns")
    partner = factories.partner()
    for urls in (list(cases)[:15], list(cases)[15:]):
        hook = subscription(*urls, partner=partner, events=["order.created"])
    publish(hook)

    started = time.monotonic()
    deliver(concurrency=40)
    assert time.monotonic() - started < HANG, "no behaviour costs more than its attempt"

    for row in Delivery.objects.filter(event__type="order.created"):
        _assert_is(cases.pop(row.url), row)
    assert cases == {}
    assert "/followed" not in [request.path for request in receiver.requests]
    _assert_told_alike(client, factories.key(partner)[1])


def _assert_is(case, row):
    assert (row.last_outcome, row.last_status) == (case.outcome, case.status), row.url
    assert row.state == case.state, row.url
    attempt = Attempt.objects.get(delivery=row)
    assert (attempt.outcome, attempt.status) == (case.outcome, case.status)
    assert bool(attempt.error) == (case.outcome in NETWORK), "staff read what it was"
    assert len(bytes(attempt.response_body)) <= 16 * 1024
    assert attempt.duration_ms < HANG * 1000
    if case.state == "pending":
        wait = (row.due_at - timezone.now()).total_seconds()
        assert 0.8 * case.wait - 5 < wait < 1.2 * case.wait + 0.5, row.url
    endpoint = Endpoint.objects.get(url=row.url)
    assert bool(endpoint.disabled_at) == case.is_disabled, row.url
    assert (endpoint.trips > 0) == case.pauses, row.url


def _assert_told_alike(client, key):
    """What failed without an answer reads the same, whatever it was."""
    told = {}
    for row in Delivery.objects.filter(event__type="order.created"):
        content = call(client, "GET", f"/deliveries/{row.id}", key=key)
        body = body_of(content)
        (attempt,) = body["attempt_log"]
        assert attempt["error"] == body["error"]
        for name in ("started_at", "request_headers"):
            del attempt[name]
        told.setdefault(row.last_outcome, set()).add(json.dumps(attempt))
        if row.last_outcome in NETWORK:
            assert body["error"] == UNREACHABLE
            detail = Attempt.objects.get(delivery=row).error
            assert detail not in content.content.decode()
    unreached = [told[outcome] for outcome in NETWORK - {"refused"}]
    assert len(set.union(*unreached)) == 1
    assert {json.loads(one)["error"] for one in told["redirect"]} == {REDIRECT}
    assert {json.loads(one)["error"] for one in told["status"]} == {
        STATUS.format(status) for status in (400, 410, 429, 500, 502, 503, 504)
    }


# --- Names that move -------------------------------------------------------------------


@pytest.fixture
def names(internet, monkeypatch, settings, trusting):
    """The internet of the test is where workers resolve and dial."""
    settings.WEBHOOKS_EGRESS_ALLOW = []
    monkeypatch.setattr(lookup, "KEPT_SECONDS", 0)
    monkeypatch.setattr(lookup, "ask_system", internet.resolve)
    return internet


FIRST, SECOND, INSIDE = "93.184.216.34", "93.184.216.35", "169.254.169.254"


def test_a_name_that_moves_is_followed_and_one_that_turns_inside_is_not(
    names, secure_receiver
):
    here, there, inside = (secure_receiver("valid") for _ in range(3))
    names.places = {FIRST: here, SECOND: there, INSIDE: inside, "127.0.0.1": inside}
    names.name(
        "hooks.example.com",
        [FIRST],
        [FIRST],
        [SECOND],
        [INSIDE],
        ["127.0.0.1"],
        [FIRST],
    )
    hook = subscription("https://hooks.example.com/", max_in_flight=1)
    publish(hook, 6, type="order.created")

    deliver()

    assert names.dialled == [FIRST, SECOND], "the open connection was used again"
    assert (len(here.requests), here.connections) == (3, 1)
    assert (len(there.requests), inside.connections) == (1, 0)
    outcomes = Attempt.objects.order_by("started_at").values_list("outcome", flat=True)
    assert list(outcomes) == ["ok", "ok", "ok", "refused", "refused", "ok"]


# --- Name servers that hang --------------------------------------------------------------


def test_hanging_name_servers_of_a_partner_do_not_delay_another(receiver, monkeypatch):
    """Of which one partner has more than a process looks up at once."""
    profile = replace(wire.profile(standard.NAME), timeout=0.5)
    monkeypatch.setitem(wire._profiles, standard.NAME, profile)
    monkeypatch.setattr(lookup, "KEPT_SECONDS", 0)
    answers = threading.Event()
    ask = socket.getaddrinfo

    def resolve(host, *args, **options):
        if host.endswith(".hanging.example.org"):
            answers.wait()
        return ask(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    names = [f"https://{n}.hanging.example.org/" for n in range(lookup.MOST + 6)]
    partner = factories.partner()
    for start in range(0, len(names), 20):
        hook = subscription(*names[start : start + 20], partner=partner)
    publish(hook)
    publish(subscription(receiver.url(host="localhost"), max_in_flight=1), 20)
    try:
        deliver(concurrency=100)
    finally:
        answers.set()
    healthy = Delivery.objects.exclude(partner=partner)
    assert {row.last_outcome for row in healthy} == {"ok"}
    hanging = Delivery.objects.filter(partner=partner)
    assert Counter(row.last_outcome for row in hanging) == {"timeout": 8, "dns": 62}
