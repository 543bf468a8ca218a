"""Every snippet of docs/verifying.md and of a dialect's page, run on a delivery that a
worker has made and on the same one tampered with."""

import base64
import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from multidict import CIMultiDict

from tests import factories
from tests.waiting import PATIENCE
from webhooks.delivery import wire
from webhooks.operations import events, secrets
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)

DOCS = Path(settings.BASE_DIR) / "docs"
PAGES = [DOCS / "verifying.md", *sorted((DOCS / "dialects").glob("*.md"))]
SNIPPETS = [
    snippet
    for page in PAGES
    for snippet in re.findall(
        r"<!-- snippet: (\w+) -->\n```(\w+)\n(.*?)```", page.read_text(), re.DOTALL
    )
]
PYTHON = [(name, code) for name, language, code in SNIPPETS if language == "python"]
SIGNED = [(name, code) for name, code in PYTHON if wire.profile(name).new_secret]
UNSIGNED = [(name, code) for name, code in PYTHON if not wire.profile(name).new_secret]
((_, _, JS),) = [snippet for snippet in SNIPPETS if snippet[1] == "js"]


def _signs_time(name):
    profile = wire.profile(name)
    secrets = [profile.new_secret()]
    now, later = (wire.Signing(UUID(int=0), time, b"", secrets) for time in (0, 1))
    return profile.sign(now) != profile.sign(later)


SIGNED_TIME = [(name, code) for name, code in SIGNED if _signs_time(name)]
DATA = {"id": 7, "name": "Ann \N{SNOWMAN}", "total": "19.90"}
LEEWAY = timedelta(minutes=5)
_LONG = "9" * 5000
WRONG = ("", "v1", "v1,", "v1=,t=", "t=x,v1=y", "\xe9", _LONG, f"t={_LONG},v1=y")

# Reads {headers, body, secret} a line and answers each with what the snippet says.
_JS_MAIN = """
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const { headers, body, secret, now } = JSON.parse(line);
  Date.now = () => now * 1000;
  console.log(isGenuine(headers, Buffer.from(body, "base64"), secret));
}
"""


def snippets(chosen):
    return pytest.mark.parametrize(
        ("profile", "code"), chosen, ids=[name for name, _ in chosen]
    )


def type_of(profile):
    """A type of event that the profile has a name for, listed or not."""
    return next(iter(profile.event_names), "customer.created")


def subscription(receiver, profile, path="/hook"):
    """A subscription to every event, and its secret, if it has one."""
    profile = wire.profile(profile)
    every = [profile.every_event or profile.name_of(type_of(profile))]
    given = [profile.new_secret()] if profile.new_secret else []
    made = factories.subscription(
        factories.partner(),
        profile.name,
        events=None if profile.null_is_every else every,
        urls=[receiver.url(path)],
        secrets=given,
    )
    return made, *given


def delivered(receiver, to, profile):
    """The headers and the body of the one request that an event leads to."""
    before = len(receiver.requests)
    events.publish(
        by=SYSTEM, partner=to.partner, type=type_of(wire.profile(profile)), data=DATA
    )
    call_command("deliver", until_idle=True)
    (request,) = receiver.requests[before:]
    return CIMultiDict(request.headers), request.body


def function(code, name="is_genuine"):
    names = {}
    exec(code, names)
    return names[name]


def tampered(body):
    yield body.replace(b"7", b"8", 1)
    yield body + b" "
    yield body + b"\xff"
    yield b""
    yield json.dumps(json.loads(body)).encode()  # the same JSON in other bytes


def broken(headers, *names):
    """The headers with something else in one of those that are looked at."""
    for name in {*names, "webhook-id", "webhook-timestamp"} & set(headers):
        for value in WRONG:
            yield CIMultiDict({**headers, name: value})


def test_there_is_a_snippet_for_every_profile():
    assert {name for name, _ in PYTHON} == set(wire.profiles())


@snippets(SIGNED)
def test_a_delivery_is_genuine_and_nothing_else_is(receiver, profile, code):
    to, secret = subscription(receiver, profile)
    headers, body = delivered(receiver, to, profile)
    is_genuine = function(code)

    assert is_genuine(headers, body, secret)
    for other in tampered(body):
        assert other != body
        assert not is_genuine(headers, other, secret), other
    assert not is_genuine(headers, body, wire.profile(profile).new_secret())
    assert not is_genuine(CIMultiDict(), body, secret)
    signatures = [name for name in headers if name.lower().endswith("signature")]
    for wrong in broken(headers, signatures[0]):
        assert not is_genuine(wrong, body, secret), wrong


@snippets(SIGNED_TIME)
def test_what_is_sent_again_after_five_minutes_is_refused(receiver, profile, code):
    to, secret = subscription(receiver, profile)
    headers, body = delivered(receiver, to, profile)
    is_genuine = function(code)
    now = timezone.now()

    with time_machine.travel(now + LEEWAY - timedelta(seconds=30), tick=False):
        assert is_genuine(headers, body, secret)
    with time_machine.travel(now + LEEWAY + timedelta(seconds=2), tick=False):
        assert not is_genuine(headers, body, secret)
    with time_machine.travel(now - LEEWAY - timedelta(seconds=30), tick=False):
        # Stripe's library knows no "too early", as the page says.
        assert is_genuine(headers, body, secret) == ("stripe" in code)


@snippets(SIGNED)
def test_no_delivery_is_lost_while_a_secret_is_replaced(receiver, profile, code):
    to, older = subscription(receiver, profile)
    newer = secrets.rotate(by=SYSTEM, subscription=to).reveal()
    headers, body = delivered(receiver, to, profile)
    is_genuine = function(code)

    assert is_genuine(headers, body, older)
    both_sign = wire.profile(profile).signs_with_every_secret
    assert is_genuine(headers, body, newer) == both_sign

    secrets.rotate(by=SYSTEM, subscription=to, overlap=timedelta(0))
    headers, body = delivered(receiver, to, profile)
    assert not is_genuine(headers, body, older)
    assert not is_genuine(headers, body, newer)


@snippets(UNSIGNED)
def test_without_a_signature_the_path_is_the_secret(receiver, profile, code):
    is_expected = function(code, "is_expected")
    (to,) = subscription(receiver, profile, "/hooks/Zm9yIHlvdXIgZXllcw")
    headers, _ = delivered(receiver, to, profile)

    assert not [name for name in headers if "signature" in name.lower()]
    (request,) = receiver.requests
    assert is_expected(request.path, "Zm9yIHlvdXIgZXllcw")
    for path in ("/hooks/", "/hooks/Zm9yIHlvdXIgZXllcx", "/hooks/\xe9", ""):
        assert not is_expected(path, "Zm9yIHlvdXIgZXllcw")


@pytest.mark.skipif(not shutil.which("node"), reason="Node is not installed")
def test_the_snippet_for_node_says_the_same(receiver, tmp_path):
    to, older = subscription(receiver, "standard")
    newer = secrets.rotate(by=SYSTEM, subscription=to).reveal()
    headers, body = delivered(receiver, to, "standard")
    now = timezone.now().timestamp()
    leeway = LEEWAY.total_seconds()

    def asked(headers=headers, body=body, secret=newer, now=now):
        return json.dumps(
            {
                "headers": {name.lower(): value for name, value in headers.items()},
                "body": base64.b64encode(body).decode(),
                "secret": secret,
                "now": now,
            }
        )

    genuine = [asked(), asked(secret=older), asked(now=now + leeway - 30)]
    forged = [
        *(asked(body=other) for other in tampered(body)),
        *(asked(headers=wrong) for wrong in broken(headers, "webhook-signature")),
        asked(headers=CIMultiDict()),
        asked(secret=wire.profile("standard").new_secret()),
        asked(now=now + leeway + 2),
        asked(now=now - leeway - 30),
    ]
    program = tmp_path / "verify.mjs"
    program.write_text(JS + _JS_MAIN)
    done = subprocess.run(
        ["node", str(program)],
        input="\n".join([*genuine, *forged]),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )

    assert done.stdout.split() == ["true"] * len(genuine) + ["false"] * len(forged)
