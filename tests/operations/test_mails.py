"""Mails to the contacts of partners: sent once, by whichever worker is first."""

import smtplib
import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from tests import factories
from tests.waiting import PATIENCE
from webhooks.delivery.endpoint_notifications import EndpointNotification, Kind
from webhooks.models import Notice
from webhooks.operations import mails
from webhooks.operations.hidden_characters import HIDDEN

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://receiver.example.com/hook"
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def owe(*urls: str, name="", partner="Acme", dialect="blaze", **fields) -> Notice:
    made = factories.subscription(
        factories.partner(name=partner, contact_email="ops@acme.example"),
        dialect,
        urls=urls or [URL],
        name=name,
    )
    notification = EndpointNotification(
        kind=Kind.DISABLED,
        endpoint_id=uuid4(),
        at=timezone.now() - timedelta(seconds=1),
        **{  # type: ignore[arg-type]
            "failing_since": AT,
            "reason": "Every attempt failed for 5 days.",
        }
        | fields,
    )
    mails.queue_disabled(
        [(e, notification) for e in made.endpoints.order_by("position")]
    )
    return Notice.objects.latest("id")


def sent() -> mail.EmailMessage:
    assert mails.send_next()
    (message,) = mail.outbox
    return message


class Refusing(EmailBackend):
    """A mail server that takes nothing."""

    says: Exception = smtplib.SMTPRecipientsRefused({"ops@acme.example": (550, b"no")})

    def send_messages(self, messages):
        raise self.says


@pytest.fixture
def refusing(settings) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"


def test_nothing_is_sent_while_nothing_is_owed():
    assert not mails.send_next()


def test_what_is_owed_is_sent_once():
    notice = owe()

    message = sent()

    assert message.to == ["ops@acme.example"]
    assert message.from_email == "webhooks@localhost"
    assert message.subject == "A webhook endpoint of Acme was disabled"
    assert URL in message.body
    assert "reason: Every attempt failed for 5 days." in message.body
    assert "failing since: 2026-11-21 12:00 UTC" in message.body
    assert message.extra_headers == {
        "Message-ID": f"<{notice.id}@localhost>",
        "Auto-Submitted": "auto-generated",
    }
    notice.refresh_from_db()
    assert notice.sent_at is not None
    assert (notice.due_at, notice.attempts, notice.error) == (None, 1, "")
    assert not mails.send_next()
    assert len(mail.outbox) == 1


def test_what_is_due_later_waits():
    owe()
    Notice.objects.update(due_at=Now() + timedelta(seconds=30))
    assert not mails.send_next()


def test_the_longest_due_goes_first():
    first, second = owe(partner="A"), owe(partner="B")
    Notice.objects.filter(id=second.id).update(due_at=Now() - timedelta(hours=1))

    assert "of B" in sent().subject
    assert Notice.objects.get(id=first.id).sent_at is None


def test_several_are_in_one_mail(monkeypatch):
    monkeypatch.setattr(mails, "MOST_LISTED", 2)
    urls = [f"https://r{n}.example.com/" for n in range(3)]
    owe(*urls)

    message = sent()

    assert message.subject == "Webhook endpoints of Acme were disabled"
    assert urls[0] in message.body
    assert urls[1] in message.body
    assert urls[2] not in message.body
    assert "and 1 more." in message.body


@pytest.mark.parametrize(
    ("portal", "link"),
    [
        ("", None),
        ("https://portal.example.com", "https://portal.example.com/docs/blaze/"),
    ],
    ids=["unknown", "known"],
)
def test_it_links_to_the_portal_where_it_knows_its_address(settings, portal, link):
    settings.PORTAL_URL = portal
    owe()

    body = sent().body

    assert ("How to change its settings" in body) is (link is not None)
    assert link is None or link in body


@pytest.mark.parametrize("since", [None, AT])
def test_every_reason_can_be_told(since):
    owe(failing_since=since, reason="The receiver answered 410 Gone.")
    assert ("failing since" in sent().body) is (since is not None)


class TestHostileWords:
    NAME = "Acme\r\nBcc: all@example.com\r\n\r\n<b>x</b>\u2028\u2029\x0b\x85\x1b[2J\u202e\u3164"

    def test_no_name_adds_a_header(self):
        owe(partner=self.NAME, name=self.NAME)

        message = sent()

        assert "Acme Bcc: all@example.com" in message.subject
        assert message.recipients() == ["ops@acme.example"]
        head, _, _ = message.message().as_bytes().partition(b"\n\n")
        assert b"\nBcc" not in head
        assert message.message().get_all("Bcc") is None

    def test_no_name_adds_a_line(self):
        owe(name=self.NAME)

        body = sent().body

        (line,) = [line for line in body.splitlines() if "Bcc" in line]
        assert line == "    webhook: Acme Bcc: all@example.com <b>x</b> [2J"
        assert all(c.isprintable() or c == "\n" for c in body)
        assert HIDDEN.search(body) is None

    def test_text_is_text(self):
        owe("https://receiver.example.com/?a=1&b=<script>", name="{{ partner }}")

        body = sent().body

        assert "https://receiver.example.com/?a=1&b=<script>" in body
        assert "webhook: {{ partner }}" in body
        assert mail.outbox[0].content_subtype == "plain"

    @pytest.mark.parametrize(
        "to", ["a@b.example\nBcc: x@y.example", "no address", "a@b, c@d"]
    )
    def test_an_address_that_is_none_costs_only_its_own_mail(self, settings, to):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        notice = owe()
        Notice.objects.update(to=to)

        assert mails.send_next()

        notice.refresh_from_db()
        assert notice.sent_at is None
        assert notice.error


class TestFailure:
    @pytest.mark.usefixtures("refusing")
    def test_it_is_tried_again_ever_later_and_given_up_after_a_day(self, caplog):
        notice = owe()
        waits = []
        while True:
            assert mails.send_next()
            notice.refresh_from_db()
            assert notice.sent_at is None
            assert "550" in notice.error
            if notice.due_at is None:
                break
            waits.append(notice.due_at - timezone.now())
            assert not mails.send_next()
            Notice.objects.update(due_at=Now() - timedelta(seconds=1))

        assert notice.attempts == len(mails.WAITS) + 1
        for wait, expected in zip(waits, mails.WAITS, strict=True):
            assert abs(wait - expected) < timedelta(seconds=10)
        assert timedelta(hours=20) < sum(mails.WAITS, timedelta()) < timedelta(hours=25)
        assert not mails.send_next()

    def test_it_is_sent_when_the_server_is_back(self, settings):
        notice = owe()
        backend = settings.EMAIL_BACKEND
        settings.EMAIL_BACKEND = f"{__name__}.Refusing"
        mails.send_next()
        settings.EMAIL_BACKEND = backend
        Notice.objects.update(due_at=Now() - timedelta(seconds=1))

        sent()

        notice.refresh_from_db()
        assert (notice.attempts, notice.error, notice.due_at) == (2, "", None)

    @pytest.mark.usefixtures("refusing")
    def test_what_a_server_says_is_kept_as_far_as_it_fits(self, monkeypatch):
        monkeypatch.setattr(Refusing, "says", OSError("\0" + "x" * 1000))
        notice = owe()

        mails.send_next()

        notice.refresh_from_db()
        assert notice.error.startswith("OSError: \ufffdxxx")
        assert len(notice.error) == 300

    def test_a_server_that_is_not_there_is_not_waited_for(self, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        assert settings.EMAIL_TIMEOUT == 10
        notice = owe()

        mails.send_next()

        notice.refresh_from_db()
        assert "ConnectionRefusedError" in notice.error


class TestBesideOthers:
    def test_two_workers_send_each_mail_once(self, settings):
        for number in range(12):
            owe(partner=f"P{number}")
        taken = []

        def work():
            try:
                while mails.send_next():
                    taken.append(1)
            finally:
                connection.close()

        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(PATIENCE)

        assert len({message.subject for message in mail.outbox}) == 12
        assert len(mail.outbox) == 12
        assert not Notice.objects.filter(sent_at=None).exists()

    def test_no_transaction_is_open_while_it_is_sent(self, settings, monkeypatch):
        seen = []

        def send(self, *args):
            seen.append((connection.in_atomic_block, mails.send_next()))

        monkeypatch.setattr(mail.EmailMessage, "send", send)
        owe()
        mails.send_next()

        assert seen == [(False, False)]  # and nobody else takes it meanwhile

    def test_who_was_away_too_long_changes_nothing(self, monkeypatch):
        notice = owe()

        def send(self, *args):
            # Somebody else has taken it, failed, and noted when to try again.
            Notice.objects.update(attempts=2, error="theirs", due_at=AT)

        monkeypatch.setattr(mail.EmailMessage, "send", send)
        mails.send_next()

        notice.refresh_from_db()
        assert (notice.error, notice.due_at, notice.sent_at) == ("theirs", AT, None)

    def test_a_worker_that_died_with_it_in_hand_only_delays_it(self, monkeypatch):
        owe()

        def send(self, *args):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(mail.EmailMessage, "send", send)
            with pytest.raises(KeyboardInterrupt):
                mails.send_next()
        assert not mails.send_next()
        Notice.objects.update(due_at=Now() - timedelta(seconds=1))

        sent()
