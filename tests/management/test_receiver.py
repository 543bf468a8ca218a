"""The sample receiver, tested with each profile's own signature and by a real socket."""

import http.client
import json
import threading
import uuid
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests import factories
from tests.ports import free_port
from tests.waiting import PATIENCE, eventually
from webhooks.delivery import wire
from webhooks.management import receiver
from webhooks.operations import subscriptions
from webhooks.operations.audit import SYSTEM

from . import portal

URL = "http://127.0.0.1:8001/hook"


def subscribed(name: str, *, url: str = URL):
    profile = wire.profile(name)
    secret = profile.new_secret() if profile.new_secret else None
    made = factories.subscription(
        factories.partner(), name, urls=[url], secrets=[secret] if secret else []
    )
    return made, profile, secret


def delivered(profile, secret, *, url: str = URL, name: str = "the.event"):
    """Body and headers of a delivery, as a worker sends it."""
    message = wire.Message(
        event_id=uuid.uuid4(),
        event_name=name,
        event_type=name,
        occurred_at=timezone.now(),
        data={"id": 1, "type": "of the data", "externalUserId": "u1"},
        url=url,
        subscription_id="s1",
    )
    body = profile.render(message)
    signing = wire.Signing(
        event_id=message.event_id,
        timestamp=1763690400,
        body=body,
        secrets=[secret] if secret else [],
    )
    return body, {**profile.headers(message.event_id), **profile.sign(signing)}


def judged(headers, body, url: str = URL) -> receiver.Arrival:
    return receiver.arrival(
        url=url, path="/hook", headers=headers, body=body, now=timezone.now()
    )


signed = [
    name
    for name, profile in sorted(wire.profiles().items())
    if profile.sign is not wire.unsigned
]


@pytest.mark.django_db
class TestWhatArrived:
    @pytest.mark.parametrize("name", signed)
    def test_a_signature_verifies_until_the_body_is_changed(self, name):
        subscription, profile, secret = subscribed(name)
        body, headers = delivered(profile, secret)

        arrived = judged(headers, body)

        assert (arrived.verdict, arrived.is_good) == (receiver.VERIFIED, True)
        assert arrived.subscription == f"{name} ({subscription})"
        forged = judged(headers, body + b" ")
        assert (forged.verdict, forged.is_good) == (receiver.WRONG, False)
        assert judged({}, body).verdict == receiver.WRONG

    def test_it_says_that_a_dialect_does_not_sign(self):
        _, profile, secret = subscribed("blaze")
        body, headers = delivered(profile, secret)

        assert judged(headers, body).verdict == receiver.UNSIGNED

    def test_of_two_subscriptions_with_one_url_it_takes_the_one_that_signed(self):
        subscribed("partnero")
        meant, profile, secret = subscribed("partnero")
        body, headers = delivered(profile, secret)

        arrived = judged(headers, body)

        assert arrived.verdict == receiver.VERIFIED
        assert arrived.subscription == f"partnero ({meant})"

    def test_it_says_that_no_subscription_has_the_url(self):
        subscription, profile, secret = subscribed("partnero")
        body, headers = delivered(profile, secret)
        subscriptions.update(by=SYSTEM, subscription=subscription, change={"urls": []})

        arrived = judged(headers, body)

        assert (arrived.verdict, arrived.is_good) == (receiver.UNKNOWN, False)
        assert arrived.subscription == "/hook"

    @pytest.mark.parametrize("name", signed)
    def test_a_subscription_without_a_secret_verifies_nothing(self, name):
        subscription, profile, secret = subscribed(name)
        body, headers = delivered(profile, secret)
        subscriptions.update(
            by=SYSTEM, subscription=subscription, change={"secrets": []}
        )

        assert judged(headers, body).verdict == receiver.WRONG

    @pytest.mark.parametrize(
        ("body", "event"),
        [
            (b'{"event": "partner.created", "type": "x"}', "partner.created"),
            (
                b'{"eventType": "facility.creation.accepted"}',
                "facility.creation.accepted",
            ),
            (b'{"type": "checkout.completed"}', "checkout.completed"),
            (b'{"type": 1}', "an event without a name in its body"),
            (b"[]", "an event without a name in its body"),
            (b"{", "a body that is no JSON"),
            (b"\xff", "a body that is no JSON"),
        ],
    )
    def test_it_names_the_event_where_the_body_does(self, body, event):
        assert judged({}, body).event == event

    def test_nothing_received_can_begin_a_line_of_its_own(self):
        line = str(judged({}, b'{"event": "a\\n\\u001b[31mreceived  all is well"}'))

        assert "\n" not in line
        assert r"a\n\u001b[31mreceived" in line

    def test_nothing_received_turns_the_direction_of_its_line(self):
        line = str(judged({}, '{"event": "café \u202eabc"}'.encode()))

        assert r"café \u202eabc" in line


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def server(lines) -> Iterator[receiver.Server]:
    with receiver.Server("127.0.0.1", 0, on_arrival=lines.append) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def request(server, method: str, path: str, body=None, headers=None):
    connection = http.client.HTTPConnection(
        "127.0.0.1", server.server_port, timeout=PATIENCE
    )
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    content = response.read().decode()
    connection.close()
    return response, content


@pytest.mark.django_db(transaction=True)
class TestOverASocket:
    def test_it_prints_and_shows_what_arrives(self, server, lines):
        url = f"http://127.0.0.1:{server.server_port}/hook"
        _, profile, secret = subscribed("partnero", url=url)
        body, headers = delivered(profile, secret, url=url)

        response, _ = request(server, "POST", "/hook", body, headers)

        assert response.status == 200
        assert len(lines) == 1
        assert "the.event, signature verified" in lines[0]
        _, page = request(server, "GET", "/")
        assert "the.event" in page
        assert "signature verified" in page

    def test_it_escapes_everything_it_shows(self, server):
        evil = json.dumps({"event": "<script>alert(1)</script>"}).encode()
        request(server, "POST", "/<b>", evil, {"X-Evil": "<img src=x>"})

        response, page = request(server, "GET", "/")

        assert "<script" not in page
        assert "<img" not in page
        assert "<b>" not in page
        assert "&lt;script&gt;" in page
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")

    def test_it_names_the_characters_that_hide_text(self, server):
        body = '{"event": "a\u202eb\u200bc"}'.encode()
        request(server, "POST", "/x", body, {"X-Note": "a\x85b"})

        _, page = request(server, "GET", "/")

        assert "\u202e" not in page
        assert "\u200b" not in page
        assert r"a\u202eb\u200bc" in page
        assert r"a\u0085b" in page

    def test_it_says_so_before_anything_arrived(self, server):
        response, page = request(server, "GET", "/")

        assert response.status == 200
        assert "Nothing yet" in page
        assert request(server, "HEAD", "/")[1] == ""
        assert request(server, "GET", "/other")[0].status == 404

    @pytest.mark.parametrize("length", ["", "-1", "1048577", "many"])
    def test_it_reads_no_body_without_a_bounded_length(self, server, length, lines):
        response, _ = request(server, "POST", "/", None, {"Content-Length": length})

        assert response.status == 413
        assert lines == []

    def test_it_keeps_the_last_ones(self, server):
        for number in range(receiver.KEPT + 1):
            request(server, "POST", f"/{number}", b"{}")

        assert len(server.arrivals) == receiver.KEPT
        assert server.arrivals[0].path == f"/{receiver.KEPT}"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])
def test_it_listens_on_this_machine_only(host):
    with pytest.raises(CommandError, match="loopback"):
        call_command("sample_receiver", "--bind", f"{host}:8001")


def test_it_says_so_when_its_port_is_taken(server):
    with pytest.raises(CommandError, match="Address already in use"):
        call_command("sample_receiver", "--bind", f"127.0.0.1:{server.server_port}")


def test_it_runs_until_it_is_told_to_end(database_url, tmp_path):
    port = free_port()
    with portal.Running(
        "sample_receiver",
        "--bind",
        f"127.0.0.1:{port}",
        database_url=database_url,
        log=tmp_path / "log",
    ) as running:
        eventually(lambda: portal.answers(port, "/"))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("POST", "/somewhere", b'{"event": "ping"}')
        assert connection.getresponse().status == 200
        connection.close()

        assert (
            "ping, no subscription has this URL" in running.wait_for("received .*")[0]
        )
        assert running.stop() == 0
