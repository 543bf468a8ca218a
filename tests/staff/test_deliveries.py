"""One delivery: how it stands, what was sent and received, and sending it again."""

import json
import shlex
import subprocess
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from tests import factories
from tests.admin import traffic
from tests.receiver import Receiver
from tests.waiting import PATIENCE
from webhooks.console import untrusted_text
from webhooks.models import (
    AuditEntry,
    Delivery,
    Endpoint,
    Partner,
    SigningSecret,
)
from webhooks.operations import deliveries
from webhooks.operations.audit import SYSTEM

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


def shown(console: Client, delivery: Delivery) -> str:
    response = console.get(f"/staff/deliveries/{delivery.pk}/")
    assert response.status_code == 200
    return response.content.decode()


def pending(**fields: object) -> Delivery:
    return delivery(
        **{"state": "pending", "settled_at": None, "due_at": timezone.now(), **fields}
    )


def delivery(**fields: object) -> Delivery:
    """A delivery with one attempt in its log, whatever its row says."""
    made = traffic.delivery()
    Delivery.objects.filter(id=made.id).update(**fields)
    made.refresh_from_db()
    return made


@pytest.mark.parametrize(
    ("profile", "says"), [("standard", "Portal API"), ("nursa", "Nursa"), ("xy", "xy")]
)
def test_a_dialect_is_named_as_everywhere(console: Client, profile, says) -> None:
    page = shown(console, delivery(profile=profile))
    assert f"<dt>Dialect</dt><dd>{says}</dd>" in page


class TestTiming:
    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({}, "took 1.5 s"),
            ({"lookup_ms": 20}, "took 1.5 s: DNS 20 ms response 1.5 s"),
            (
                {"lookup_ms": 20, "connect_ms": 480},
                "took 1.5 s: DNS 20 ms connect 480 ms response 1.0 s",
            ),
            (
                {
                    "lookup_ms": 20,
                    "connect_ms": 1400,
                    "outcome": "connect",
                    "status": None,
                },
                "took 1.5 s: DNS 20 ms connect 1.4 s",
            ),
            (
                {"lookup_ms": 1499, "outcome": "timeout", "status": None},
                "took 1.5 s: DNS 1.5 s",
            ),
            (
                {"lookup_ms": 20, "outcome": "timeout", "status": None},
                "took 1.5 s: DNS 20 ms response 1.5 s",
            ),
            # Each part is rounded for itself.
            ({"connect_ms": 1501}, "took 1.5 s: connect 1.5 s response 0 ms"),
        ],
    )
    def test_it_says_where_the_time_went(self, console: Client, fields, says) -> None:
        made = traffic.delivery()
        made.attempt_log.update(duration_ms=1500, **fields)
        page = shown(console, made)
        took = page.split('<div class="quiet took">')[1].split("</div>")[0]
        words = " ".join(strip_tags(took.replace("</span>", "</span> ")).split())
        assert words.split(" UTC, ")[1].rstrip() == says
        bars = page.split('class="took-bar"')[1:]
        assert len(bars) == bool(fields)


class TestStanding:
    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({}, "It is due and waits for a worker"),
            ({"due_at": timezone.now() + timedelta(days=3650)}, "1 attempt failed. The next is made at"),
            ({"attempts": 0, "due_at": timezone.now() + timedelta(days=3650)}, "The first attempt is made at"),
            ({"claim_token": uuid4()}, "A worker has taken it"),
            ({"claim_token": uuid4(), "is_begun": True}, "An attempt is under way"),
        ],
    )  # fmt: skip
    def test_it_says_what_comes_next(self, console: Client, fields, says) -> None:
        page = shown(console, pending(**fields))
        assert says in page
        assert "data-live=" in page

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"state": "delivered"}, "It arrived at"),
            ({"state": "exhausted", "attempts": 8}, "after 8 attempts"),
            ({"state": "cancelled", "reason": "It was deleted."}, "It was deleted."),
        ],
    )
    def test_it_says_how_it_ended(self, console: Client, fields, says) -> None:
        page = shown(console, delivery(**fields))
        assert says in page
        assert "data-live=" not in page

    @pytest.mark.parametrize(
        ("fields", "leads"),
        [
            ({"state": "exhausted"}, True),
            ({"state": "delivered"}, False),
            ({"state": "exhausted", "reason": Delivery.TRIED_ONCE}, False),
        ],
    )
    def test_what_was_missed_leads_to_its_recovery(
        self, console: Client, fields, leads
    ) -> None:
        page = shown(console, delivery(**fields))
        assert ("Replay failed deliveries" in page) is leads

    def test_it_says_that_the_endpoint_is_paused_or_disabled(
        self, console: Client
    ) -> None:
        waits = pending()
        now = timezone.now()
        Endpoint.objects.update(
            open_until=now + timedelta(hours=1), consecutive_failures=12,
            failing_since=now, disabled_at=now, disabled_reason="Gone for good.",
        )  # fmt: skip
        page = shown(console, waits)
        assert "has failed 12 times in a row" in page
        assert "Gone for good." in page

    @pytest.mark.parametrize(
        ("wait", "seconds"), [(-60, 2), (1, 2), (12, 12), (3600, 30)]
    )
    @pytest.mark.usefixtures("one_moment")
    def test_it_is_looked_at_again_when_something_may_have_happened(
        self, console: Client, wait, seconds
    ) -> None:
        waits = pending(due_at=timezone.now() + timedelta(seconds=wait))
        page = console.get(f"/staff/deliveries/{waits.pk}/progress/").content.decode()
        assert f'data-live-seconds="{seconds}"' in page
        assert "<html" not in page
        Delivery.objects.filter(id=waits.id).update(claim_token=uuid4())
        page = console.get(f"/staff/deliveries/{waits.pk}/progress/").content.decode()
        assert 'data-live-seconds="2"' in page

    def test_it_leads_to_its_partner_and_subscription(self, console: Client) -> None:
        sent = traffic.delivery()
        page = shown(console, sent)
        assert f'href="/staff/partners/{sent.partner_id}/"' in page
        assert f'href="/staff/subscriptions/{sent.subscription_id}/"' in page
        page = console.get(f"/staff/events/{sent.event_id}/").content.decode()
        assert f'href="/staff/partners/{sent.partner_id}/"' in page

    def test_it_leads_to_what_it_repeats_and_what_repeats_it(
        self, console: Client
    ) -> None:
        first = traffic.delivery()
        again = deliveries.redeliver(by=SYSTEM, delivery=first)
        assert f'href="/staff/deliveries/{again.pk}/"' in shown(console, first)
        assert f'href="/staff/deliveries/{first.pk}/"' in shown(console, again)
        Delivery.objects.filter(id=first.id).delete()
        assert "a delivery that is no longer kept" in shown(console, again)


class TestAttempts:
    def test_the_latest_is_first_with_its_outcome_in_words(
        self, console: Client
    ) -> None:
        sent = traffic.delivery()
        traffic.attempt(
            sent, outcome="tls", status=None, error="self-signed", response_body=b""
        )
        page = shown(console, sent)
        assert page.index("Attempt 2:") < page.index("Attempt 1:")
        assert "the certificate is not valid for the host" in page
        assert "self-signed" in page
        assert "No answer came." in page
        assert "42 ms" in page

    def test_nothing_from_outside_is_markup(self, console: Client) -> None:
        partner = factories.partner(name=HOSTILE)
        sent = traffic.delivery(
            factories.subscription(partner, "blaze", name=HOSTILE), reason=HOSTILE,
            state="cancelled",
        )  # fmt: skip
        Delivery.objects.update(url=f"https://x.example/{HOSTILE}")
        traffic.attempt(
            sent, outcome=HOSTILE[:20], error=HOSTILE, response_body=HOSTILE.encode(),
            response_headers=[[HOSTILE, HOSTILE]], request_headers={"a": HOSTILE},
            request_body=json.dumps({"a": HOSTILE}).encode(),
        )  # fmt: skip
        for page in (
            f"/staff/deliveries/{sent.pk}/",
            f"/staff/deliveries/{sent.pk}/redeliver/",
            "/staff/deliveries/",
            f"/staff/events/{sent.event_id}/",
        ):
            text = console.get(page).content.decode()
            assert "alert(" in text
            assert "<script>alert" not in text
            assert "<img src=x" not in text

    def test_what_hides_or_turns_is_named(self, console: Client) -> None:
        sent = traffic.delivery()
        traffic.attempt(sent, response_body="ok\x00\u202egpj.exe\x1b[2J".encode())
        page = shown(console, sent)
        assert "ok\\u0000\\u202egpj.exe\\u001b[2J" in page

    @pytest.mark.parametrize(
        "code",
        [0xAD, 0x34F, 0x61C, 0x180E, 0x200B, 0x200D, 0x2028, 0x2060, 0xFEFF, 0xE0041],
    )
    def test_nothing_is_hidden_between_two_letters(
        self, console: Client, code: int
    ) -> None:
        sent = traffic.delivery()
        traffic.attempt(sent, response_body=f"pay{chr(code)}pal".encode())
        page = shown(console, sent)
        assert f"pay\\{f'u{code:04x}' if code < 0x10000 else f'U{code:08x}'}pal" in page

    def test_a_long_body_is_cut_and_saved_whole(self, console: Client) -> None:
        sent = traffic.delivery()
        long = b"x" * (untrusted_text.SHOWN + 1000)
        answered = traffic.attempt(sent, response_body=long)
        page = shown(console, sent)
        assert "… 1000 more characters" in page
        assert "x" * (untrusted_text.SHOWN + 1) not in page
        saved = console.get(f"/staff/attempts/{answered.pk}/response/")
        assert saved.content == long

    def test_of_very_many_attempts_the_last_are_shown(self, console: Client) -> None:
        sent = traffic.delivery()
        for _ in range(51):
            traffic.attempt(sent)
        page = console.get(f"/staff/deliveries/{sent.pk}/")
        assert len(page.context["timeline"].steps) == 50
        assert page.context["timeline"].earlier == 2

    @pytest.mark.parametrize("side", ["request", "response"])
    def test_a_body_is_only_ever_saved(self, console: Client, side) -> None:
        content = b"<script>alert(1)</script>\xff\x00"
        answered = traffic.attempt(
            traffic.delivery(), request_body=content, response_body=content
        )
        saved = console.get(f"/staff/attempts/{answered.pk}/{side}/")
        assert saved.content == content
        assert saved["Content-Type"] == "application/octet-stream"
        assert saved["X-Content-Type-Options"] == "nosniff"
        assert saved["Content-Disposition"] == (
            f'attachment; filename="{side}-{answered.pk}.bin"'
        )

    def test_a_body_that_was_not_kept_is_not_found(self, console: Client) -> None:
        kept_by_the_first = traffic.attempt(traffic.delivery())
        address = f"/staff/attempts/{kept_by_the_first.pk}/request/"
        assert console.get(address).status_code == 404

    def test_no_page_holds_a_signing_secret(self, console: Client) -> None:
        partner = factories.partner()
        subscription = factories.subscription(
            partner, "partnero", secrets=["whsec_hidden_from_everybody"]
        )
        sent = traffic.delivery(subscription)
        for page in ("", "send/", "progress/"):
            text = console.get(f"/staff/deliveries/{sent.pk}/{page}").content.decode()
            assert "whsec_hidden" not in text
            assert SigningSecret.objects.get().value not in text


class TestCurl:
    def line(self, console: Client, delivery: Delivery) -> str:
        response = console.get(f"/staff/deliveries/{delivery.pk}/")
        return str(response.context["timeline"].steps[0].curl)

    def test_it_sends_the_same_bytes_under_the_same_headers(
        self, console: Client, receiver: Receiver
    ) -> None:
        body = '{"name": "O\'Reilly $HOME `id` \\\\ ☃"}'.encode()
        sent = traffic.delivery()
        Delivery.objects.update(url=receiver.url("/hook[1]?a={b}"))
        sent.attempt_log.all().delete()
        traffic.attempt(
            sent, request_body=body,
            request_headers={"Content-Type": "application/json", "webhook-signature": "v1,a'b"},
        )  # fmt: skip
        words = self.line(console, sent)
        subprocess.run(
            ["sh", "-c", words], check=True, capture_output=True, timeout=PATIENCE
        )
        (arrived,) = receiver.requests
        assert arrived.body == body
        assert arrived.path == "/hook[1]?a={b}"
        assert arrived.header("webhook-signature") == "v1,a'b"
        assert arrived.header("content-type") == "application/json"

    def test_a_retry_repeats_the_bytes_of_the_first(self, console: Client) -> None:
        sent = traffic.delivery()
        sent.attempt_log.all().delete()
        traffic.attempt(sent, request_body=b'{"first": 1}')
        traffic.attempt(sent)
        assert shlex.split(self.line(console, sent))[-2:] == [
            "--data-raw",
            '{"first": 1}',
        ]

    @pytest.mark.parametrize("body", [b"x" * 20_000, b"\xff", b"a\x00b"])
    def test_what_fits_no_line_is_read_from_a_file(self, console: Client, body) -> None:
        sent = traffic.delivery()
        sent.attempt_log.all().delete()
        traffic.attempt(sent, request_body=body)
        assert self.line(console, sent).endswith("--data-binary @body.json")
        assert "save the bytes below" in shown(console, sent)

    def test_a_body_that_begins_with_an_at_is_no_file(self, console: Client) -> None:
        sent = traffic.delivery()
        sent.attempt_log.all().delete()
        traffic.attempt(sent, request_body=b"@/etc/passwd")
        assert shlex.split(self.line(console, sent))[-2] == "--data-raw"
        assert "save the bytes below" not in shown(console, sent)

    def test_there_is_none_of_what_was_never_sent(self, console: Client) -> None:
        sent = traffic.delivery()
        sent.attempt_log.all().delete()
        traffic.attempt(sent, outcome="error", request_headers={}, status=None)
        assert self.line(console, sent) == ""
        assert "Nothing was sent." in shown(console, sent)


class TestSendingAgain:
    def send(self, console: Client, delivery: Delivery, choice: str = "same"):
        """The form as the delivery's page has it now, sent."""
        address = f"/staff/deliveries/{delivery.pk}/redeliver/"
        sent = {"bytes": choice, "is_pending": delivery.state == "pending"}
        return console.post(address, sent, follow=True)

    @pytest.mark.parametrize(("choice", "anew"), [("same", False), ("anew", True)])
    def test_it_queues_a_new_one_and_shows_it(
        self, console: Client, choice, anew
    ) -> None:
        sent = traffic.delivery()
        response = self.send(console, sent, choice)
        new = Delivery.objects.get(redelivery_of=sent.id)
        assert new.is_rerendered is anew
        assert response.redirect_chain == [(f"/staff/deliveries/{new.pk}/", 302)]
        assert "This is the new delivery" in response.content.decode()
        entry = AuditEntry.objects.get(action="delivery.redelivered")
        assert (entry.actor_kind, entry.actor, entry.ip) == (
            "staff",
            "boss",
            "127.0.0.1",
        )

    def test_what_was_sent_while_the_form_was_open_is_not_sent_again(
        self, console: Client
    ) -> None:
        waits = pending(due_at=timezone.now() + timedelta(hours=5))
        address = f"/staff/deliveries/{waits.pk}/redeliver/"
        form = console.get(address).context["form"]
        assert form["is_pending"].value() is True
        Delivery.objects.update(
            state="delivered", due_at=None, settled_at=timezone.now()
        )
        sent = {"bytes": "same", "is_pending": "True"}
        response = console.post(address, sent, follow=True)
        assert "It is no longer pending" in response.content.decode()
        assert Delivery.objects.count() == 1

    def test_what_waits_is_sent_now(self, console: Client) -> None:
        waits = pending(due_at=timezone.now() + timedelta(hours=5))
        page = console.get(f"/staff/deliveries/{waits.pk}/redeliver/").content.decode()
        assert "The attempt is made now instead" in page
        response = self.send(console, waits)
        waits.refresh_from_db()
        assert waits.due_at is not None
        assert waits.due_at <= timezone.now()
        assert Delivery.objects.count() == 1
        assert "The next attempt is made now" in response.content.decode()

    def test_nothing_is_sent_by_looking(self, console: Client) -> None:
        sent = traffic.delivery()
        page = console.get(f"/staff/deliveries/{sent.pk}/redeliver/").content.decode()
        assert sent.url in page
        assert "handles it twice" in page  # it was accepted before
        assert Delivery.objects.count() == 1

    def test_what_cannot_be_sent_says_why_before_and_after(
        self, console: Client
    ) -> None:
        sent = traffic.delivery()
        Partner.objects.update(is_active=False)
        address = f"/staff/deliveries/{sent.pk}/redeliver/"
        page = console.get(address).content.decode()
        assert "The partner is inactive." in page
        assert 'name="bytes"' not in page
        response = self.send(console, sent)
        assert "Nothing was sent. The partner is inactive." in response.content.decode()
        assert Delivery.objects.count() == 1

    def test_a_disabled_endpoint_is_named(self, console: Client) -> None:
        urls = ["https://a.example.com/1", "https://a.example.com/2"]
        subscription = factories.subscription(
            factories.partner(), "partnero", urls=urls[:1]
        )
        sent = traffic.delivery(subscription)
        Endpoint.objects.update(
            disabled_at=timezone.now(), disabled_reason="It said 410."
        )
        Endpoint.objects.create(
            subscription=subscription,
            url=urls[1],
            position=1,
            created_at=timezone.now(),
        )
        page = console.get(f"/staff/deliveries/{sent.pk}/redeliver/").content.decode()
        assert "The endpoint was disabled: It said 410." in page

    def test_what_waits_goes_where_it_waits_for(self, console: Client) -> None:
        waits = pending()
        address = f"/staff/deliveries/{waits.pk}/redeliver/"
        Partner.objects.update(is_active=False)  # new events are held back, not this
        assert waits.url in console.get(address).content.decode()
        Endpoint.objects.update(
            disabled_at=timezone.now(), disabled_reason="It said 410."
        )
        page = console.get(address).content.decode()
        assert "The endpoint was disabled: It said 410." in page
        assert 'name="bytes"' not in page
        response = self.send(console, waits)
        assert "Nothing was sent. The endpoint was" in response.content.decode()

    def test_an_attempt_under_way_is_left_alone(self, console: Client) -> None:
        response = self.send(console, pending(claim_token=uuid4()))
        assert "An attempt is under way at this moment" in response.content.decode()

    def test_what_waits_is_not_rendered_anew(self, console: Client) -> None:
        response = self.send(console, pending(), "anew")
        assert (
            "Only a delivery that has ended is rendered again"
            in response.content.decode()
        )

    def test_what_is_pruned_meanwhile_is_not_found(
        self, console: Client, monkeypatch
    ) -> None:
        sent = traffic.delivery()

        def gone(**_: object) -> None:
            raise deliveries.Pruned(sent.id)

        monkeypatch.setattr(deliveries, "redeliver", gone)
        assert self.send(console, sent).status_code == 404

    def test_a_choice_has_to_be_made(self, console: Client) -> None:
        response = self.send(console, traffic.delivery(), "other")
        assert response.status_code == 422
        assert "not one of the available choices" in response.content.decode()
        assert Delivery.objects.count() == 1

    def test_it_takes_the_token_of_the_form(self, boss) -> None:
        sent = traffic.delivery()
        client = Client(enforce_csrf_checks=True)
        client.force_login(boss, "django.contrib.auth.backends.ModelBackend")
        assert self.send(client, sent).status_code == 403
        assert Delivery.objects.count() == 1
