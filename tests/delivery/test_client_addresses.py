"""Which addresses the client dials, and by whose certificate it knows who answers."""

import asyncio
import json
import ssl
from pathlib import Path

import pytest

from tests.delivery.posting import (
    METADATA,
    OTHER,
    PUBLIC,
    STRICT,
    WITH_HTTP,
    post,
    send,
    send_in_time,
)
from tests.receiver import Receiver
from tests.waiting import PATIENCE
from webhooks.delivery import client as client_module
from webhooks.delivery import lookup
from webhooks.delivery.client import Client
from webhooks.delivery.egress_policy import EgressPolicy
from webhooks.delivery.result import Outcome

CASES = json.loads((Path(__file__).parent / "ssrf_cases.json").read_text("utf-8"))


# --- Names and addresses -------------------------------------------------------------

# What the stub resolver answers in each case of the list that is refused at connect;
# an empty set of dials follows unless the case says otherwise.
ANSWERS = {
    "compat.example.org": [["::7f00:1"]],
    "self.example.org": [["198.41.0.4"]],
    "10-0-0-1.sslip.io": [["10.0.0.1"]],
    "a9fea9fe.nip.io": [[METADATA]],
    "zero.example.org": [["0.0.0.0"]],
    "7f000001.08080808.rbndr.us": [["127.0.0.1"], ["8.8.8.8"]],
    "nat64.example.org": [["64:ff9b::a9fe:a9fe"]],
    "lvh.me": [["127.0.0.1", "::1"]],
    "mapped.example.org": [["::ffff:127.0.0.1"]],
    "127.0.0.1.nip.io": [["127.0.0.1"]],
    "cgnat.example.org": [["100.64.0.1"]],
    "v6only-private.example.org": [["fd00:ec2::254"]],
}


def case_names():
    urls = [case["url"] for case in CASES if case["expect"] == "reject-at-connect"]
    return [url.removeprefix("https://").rstrip("/") for url in urls]


def test_it_has_an_answer_for_every_case_of_the_list():
    own = {"flip.example.org", "nxdomain.example.org", "slow-dns.example.org"}
    assert set(case_names()) == ANSWERS.keys() | own


@pytest.mark.parametrize("host", ANSWERS)
def test_it_dials_nothing_when_a_name_leads_inside(internet, host):
    internet.name(host, *ANSWERS[host])
    result = send(
        f"https://{host}/",
        EgressPolicy.parse(self_addresses="198.41.0.4"),
        resolve=internet.resolve,
    )
    assert result.outcome == Outcome.REFUSED
    assert (result.status, result.headers, result.body) == (None, (), b"")
    assert internet.asked == [host]
    assert internet.dialled == []


@pytest.mark.parametrize(
    "answer",
    [[PUBLIC, "127.0.0.1"], ["2606:4700::1", "fd00::1"], [PUBLIC, "::ffff:10.0.0.1"]],
)
def test_it_refuses_the_whole_answer_for_one_bad_address(internet, receiver, answer):
    internet.places[PUBLIC] = receiver
    internet.name("mixed.example.org", answer)
    result = send("http://mixed.example.org/", WITH_HTTP, resolve=internet.resolve)
    assert result.outcome == "refused"
    assert internet.dialled == []


def test_it_dials_the_address_it_checked_when_the_name_flips(internet):
    internet.name("flip.example.org", [PUBLIC], ["127.0.0.1"])
    result = send("https://flip.example.org/", STRICT, resolve=internet.resolve)
    assert result.outcome == "connect"
    assert internet.asked == ["flip.example.org"]
    assert internet.dialled == [PUBLIC]


def test_it_checks_again_at_every_attempt(internet, receiver, monkeypatch):
    """Also while the connection of the first attempt is still open."""
    monkeypatch.setattr(lookup, "KEPT_SECONDS", 0)
    internet.places = {PUBLIC: receiver, OTHER: receiver, "127.0.0.1": receiver}
    internet.name(
        "flip.example.org", [PUBLIC], [PUBLIC], [OTHER], ["127.0.0.1"], [PUBLIC]
    )

    async def five_times():
        async with Client(WITH_HTTP, resolve=internet.resolve) as client:
            results = []
            for _ in range(5):
                results.append(await post(client, "http://flip.example.org/"))
                await asyncio.sleep(0.01)
            return [result.outcome for result in results]

    assert asyncio.run(five_times()) == ["ok", "ok", "ok", "refused", "ok"]
    first, again, moved, back = [r.connection for r in receiver.requests]
    assert first == again == back, "the open connection is used while its address holds"
    assert moved != first, "and not when the name has moved"
    assert internet.dialled == [PUBLIC, OTHER]


def test_it_does_not_share_a_connection_between_names_at_one_address(
    internet, receiver
):
    internet.places[PUBLIC] = receiver
    internet.name("one.example.org", [PUBLIC])
    internet.name("two.example.org", [PUBLIC])

    async def both():
        async with Client(WITH_HTTP, resolve=internet.resolve) as client:
            await post(client, "http://one.example.org/")
            await post(client, "http://two.example.org/")

    asyncio.run(both())
    assert [r.header("host") for r in receiver.requests] == [
        "one.example.org",
        "two.example.org",
    ]
    assert receiver.connections == 2


@pytest.mark.parametrize("answer", [OSError("NXDOMAIN"), UnicodeError("label"), []])
def test_it_reports_a_name_without_addresses(internet, answer):
    internet.name("nxdomain.example.org", answer)
    result = send("https://nxdomain.example.org/", STRICT, resolve=internet.resolve)
    assert result.outcome == "dns"
    assert internet.dialled == []


def test_of_an_error_so_much_is_kept(internet):
    internet.name("nxdomain.example.org", OSError("x" * 10_000))
    result = send("https://nxdomain.example.org/", STRICT, resolve=internet.resolve)
    assert len(result.error) == 500


def test_it_counts_the_lookup_in_the_deadline(internet):
    internet.hanging.add("slow-dns.example.org")
    result = send_in_time(
        "https://slow-dns.example.org/", STRICT, resolve=internet.resolve, timeout=0.1
    )
    assert result.outcome == "timeout"
    assert internet.dialled == []


def test_it_ends_a_lookup_that_never_ends(internet, monkeypatch):
    monkeypatch.setattr(lookup, "LONGEST_SECONDS", 0.05)
    internet.hanging.add("slow-dns.example.org")
    internet.name("slow-dns.example.org", [PUBLIC])

    async def twice():
        async with Client(STRICT, resolve=internet.resolve) as client:
            first = await post(client, "https://slow-dns.example.org/")
            internet.hanging.clear()
            monkeypatch.setattr(lookup, "LONGEST_SECONDS", PATIENCE)
            return first, await post(client, "https://slow-dns.example.org/")

    first, second = asyncio.run(twice())
    assert (first.outcome, second.outcome) == ("dns", "connect")


@pytest.mark.parametrize(("kept", "asked"), [(3600, 1), (0.01, 2)])
def test_it_asks_once_for_a_burst_and_again_later(
    internet, receiver, monkeypatch, kept, asked
):
    monkeypatch.setattr(lookup, "KEPT_SECONDS", kept)
    internet.places[PUBLIC] = receiver
    internet.name("hooks.example.com", [PUBLIC])

    async def burst():
        async with Client(WITH_HTTP, resolve=internet.resolve) as client:
            url = "http://hooks.example.com/"
            await asyncio.gather(*[post(client, url) for _ in range(20)])
            assert len(internet.asked) == 1
            await asyncio.sleep(0.1)
            await post(client, url)

    asyncio.run(burst())
    assert len(internet.asked) == asked


def test_it_leaves_a_shared_lookup_to_those_that_still_wait(internet):
    internet.hanging.add("hooks.example.com")
    internet.name("hooks.example.com", [PUBLIC])
    release = asyncio.Event()

    async def resolve(host, port):
        await release.wait()
        return [PUBLIC]

    async def impatient_and_patient():
        async with Client(STRICT, resolve=resolve) as client:
            url = "https://hooks.example.com/"
            patient = asyncio.create_task(post(client, url))
            impatient = await post(client, url, timeout=0.05)
            release.set()
            return impatient.outcome, (await patient).outcome

    assert asyncio.run(impatient_and_patient()) == ("timeout", "connect")


def test_it_reaches_an_address_in_the_url_without_asking(internet, receiver):
    internet.places[PUBLIC] = receiver
    result = send(f"http://{PUBLIC}/", WITH_HTTP, resolve=internet.resolve)
    assert result.outcome == "ok"
    assert internet.asked == []
    assert receiver.requests[0].header("host") == PUBLIC


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", f"https://{METADATA}/", "ftp://a"]
)
def test_it_refuses_a_url_that_was_stored_before_the_policy(internet, url):
    result = send(url, STRICT, resolve=internet.resolve)
    assert result.outcome == "refused"
    assert internet.dialled == internet.asked == []


def test_it_tries_the_other_addresses_of_a_name(internet, receiver):
    internet.places[PUBLIC] = receiver
    internet.name("hooks.example.com", ["2606:4700::1", OTHER, PUBLIC])
    result = send("http://hooks.example.com/", WITH_HTTP, resolve=internet.resolve)
    assert result.outcome == "ok"
    assert internet.dialled == ["2606:4700::1", OTHER, PUBLIC]


def test_it_gives_no_address_the_time_of_all(internet, receiver):
    internet.places[PUBLIC] = receiver
    internet.hanging.add(OTHER)
    internet.name("hooks.example.com", [OTHER, PUBLIC])
    result = send(
        "http://hooks.example.com/", WITH_HTTP, resolve=internet.resolve, timeout=3
    )
    assert result.outcome == "ok"
    assert result.duration >= 1.4, "the first has had its half"
    assert internet.dialled == [OTHER, PUBLIC]


def test_it_dials_a_few_addresses_at_most(internet):
    internet.name("many.example.org", [f"93.184.216.{n}" for n in range(1, 200)])
    result = send("https://many.example.org/", STRICT, resolve=internet.resolve)
    assert result.outcome == "connect"
    assert len(internet.dialled) == client_module.MAX_DIALS
    assert "93.184.216.1 port 443" in result.error


def test_it_asks_the_systems_resolver_by_default(receiver):
    assert send(receiver.url(host="localhost")).outcome == "ok"
    assert receiver.requests[0].header("host") == f"localhost:{receiver.port}"


# --- TLS -----------------------------------------------------------------------------


def secured(receiver, internet, authority, host="hooks.example.com"):
    internet.places[PUBLIC] = receiver
    internet.name(host, [PUBLIC])
    return send(
        f"https://{host}/",
        STRICT,
        resolve=internet.resolve,
        ssl_context=authority.trusted_by(),
    )


def test_it_verifies_the_name_of_the_host_not_of_the_address(
    secure_receiver, internet, authority
):
    receiver = secure_receiver("valid")
    assert secured(receiver, internet, authority).outcome == "ok"
    assert receiver.requests[0].header("host") == "hooks.example.com"


def test_it_names_the_host_to_the_receivers_tls(internet, authority):
    named = []
    context = authority.server("valid")
    context.sni_callback = lambda socket, name, context: named.append(name)
    with Receiver(context) as receiver:
        assert secured(receiver, internet, authority).outcome == "ok"
    assert named == ["hooks.example.com"]


def test_it_verifies_an_address_in_the_url(secure_receiver, authority):
    receiver = secure_receiver("valid")
    result = send(receiver.url(), ssl_context=authority.trusted_by())
    assert result.outcome == "ok"


@pytest.mark.parametrize("kind", ["expired", "wrong_host", "stranger", "self_signed"])
def test_it_sends_nothing_to_a_receiver_without_a_valid_certificate(
    secure_receiver, internet, authority, kind
):
    receiver = secure_receiver(kind)
    result = secured(receiver, internet, authority)
    assert result.outcome == "tls"
    assert "certificate" in result.error.lower()
    assert receiver.requests == []


def test_it_trusts_the_systems_store_by_default(secure_receiver):
    receiver = secure_receiver("valid")
    assert send(receiver.url()).outcome == "tls"
    assert receiver.requests == []


def test_it_reports_a_receiver_that_does_not_speak_tls(receiver):
    result = send(receiver.url().replace("http:", "https:"))
    assert result.outcome == "tls"


def test_it_does_not_reuse_a_connection_verified_for_another_name(
    secure_receiver, internet, authority
):
    receiver = secure_receiver("valid")
    internet.places[PUBLIC] = receiver
    internet.name("hooks.example.com", [PUBLIC])
    internet.name("victim.example.org", [PUBLIC])

    async def both():
        options = {"resolve": internet.resolve, "ssl_context": authority.trusted_by()}
        async with Client(STRICT, **options) as client:
            first = await post(client, "https://hooks.example.com/")
            return first, await post(client, "https://victim.example.org/")

    first, second = asyncio.run(both())
    assert (first.outcome, second.outcome) == ("ok", "tls")


def test_it_takes_no_context_that_does_not_verify():
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    with pytest.raises(ValueError, match="verify"):
        Client(STRICT, ssl_context=unverified)
    unverified.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError, match="verify"):
        Client(STRICT, ssl_context=unverified)
