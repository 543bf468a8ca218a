"""Work that is asked for twice and done once."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from tests import factories
from tests.clock import at
from tests.waiting import PATIENCE
from webhooks.models import Answer, Partner, ids
from webhooks.operations import idempotency, partners
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner():
    return factories.partner()


class Work:
    def __init__(self):
        self.done = 0

    def __call__(self):
        self.done += 1
        partners.create(by=SYSTEM, name=f"Made {self.done}")
        return f"whk_secret {self.done}"


def once(partner, do, *, key="k", fingerprint="f"):
    return idempotency.once(partner=partner, key=key, fingerprint=fingerprint, do=do)


def test_a_repeat_is_answered_and_does_nothing(partner):
    work = Work()
    first, second = once(partner, work), once(partner, work)
    assert (first.text, first.is_repeat) == ("whk_secret 1", False)
    assert (second.text, second.is_repeat) == ("whk_secret 1", True)
    assert work.done == 1
    assert "whk_secret" not in Answer.objects.get().sealed


def test_keys_are_a_partners_own(partner):
    work = Work()
    once(partner, work)
    assert once(factories.partner(), work).text == "whk_secret 2"
    assert once(partner, work, key="other").text == "whk_secret 3"


def test_a_key_is_for_one_request(partner):
    once(partner, Work())
    with pytest.raises(idempotency.KeyReused):
        once(partner, Work(), fingerprint="another")


def test_what_failed_leaves_the_key_unused(partner):
    def fail():
        partners.create(by=SYSTEM, name="Half")
        raise LookupError

    with pytest.raises(LookupError):
        once(partner, fail)
    assert not Partner.objects.filter(name="Half").exists()
    assert once(partner, Work()).is_repeat is False


def test_an_empty_text_leaves_the_key_unused_and_keeps_the_work(partner):
    def no_answer():
        partners.create(by=SYSTEM, name="Kept")
        return ""

    assert once(partner, no_answer).text == ""
    assert Partner.objects.filter(name="Kept").exists()
    assert once(partner, Work()).is_repeat is False


def test_keys_without_a_partner_are_their_own(partner):
    work = Work()
    first = once(None, work)
    assert once(partner, work).text != first.text
    assert once(None, work) == idempotency.Answered(first.text, is_repeat=True)
    with pytest.raises(IntegrityError):
        Answer.objects.create(key="k", fingerprint="f")


def test_an_answer_is_kept_for_as_long_as_a_form_may_be_sent(partner):
    now, made = timezone.now(), ids.time_ordered()
    assert at(now + idempotency.KEPT, idempotency.is_kept, made)
    assert not at(now + timedelta(hours=25, minutes=1), idempotency.is_kept, made)


def test_an_answer_of_another_row_is_not_given(partner):
    once(partner, Work())
    other = factories.partner()
    once(other, lambda: "theirs")
    Answer.objects.filter(partner=partner).update(
        sealed=Answer.objects.get(partner=other).sealed
    )
    with pytest.raises(idempotency.AnswerUnreadable):
        once(partner, Work())


def test_what_cannot_be_answered_again_is_not_done_again(partner, settings, caplog):
    work = Work()
    once(partner, work)
    settings.ENCRYPTION_KEYS = {"new": bytes(32)}
    with pytest.raises(idempotency.AnswerUnreadable):
        once(partner, work)
    assert work.done == 1
    assert "ENCRYPTION_KEYS lacks the key" in caplog.text


def test_answers_are_forgotten_after_a_day(partner, monkeypatch):
    monkeypatch.setattr(idempotency, "_BATCH", 2)
    for key in "abc":
        once(partner, lambda: "x", key=key)
    now = timezone.now()
    assert at(now + timedelta(hours=24), idempotency.forget) is False
    assert Answer.objects.count() == 3
    later = now + timedelta(hours=25, minutes=1)
    assert [at(later, idempotency.forget) for _ in range(2)] == [True, False]
    assert not Answer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_does_the_work(partner, monkeypatch):
    gate, seen, failures = threading.Barrier(4), [], []
    look = idempotency._repeated

    def look_together(*asked):
        found = look(*asked)
        if found is None:
            gate.wait(timeout=PATIENCE)  # so that none has found the answer of another
        return found

    monkeypatch.setattr(idempotency, "_repeated", look_together)
    work = Work()

    def ask():
        try:
            seen.append(once(partner, work).text)
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(seen) == 4
    assert len(set(seen)) == 1
    assert Partner.objects.filter(name__startswith="Made").count() == 1
