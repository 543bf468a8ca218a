"""Every POST of the portal's own API, sent twice: it acts once and is answered alike."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connections

from tests.openapi.calls import EVERY_OPERATION, Answer, Caller, Operation, Send
from webhooks import models

HEADER = "Idempotency-Key"

SAFE = {
    "preview_recovery": "It reads only.",
    "cancel_recovery": "The second call changes nothing.",
    "revoke_key": "The second call changes nothing.",
    "reveal_secret": "It makes nothing; each showing is an audit entry.",
}
POSTS = [o for o in EVERY_OPERATION if (o.slug, o.method) == ("portal", "post")]
AT_ONCE = 4
PATIENCE = 30


def takes_key(operation: Operation) -> bool:
    return HEADER in {each["name"] for each in operation.spec.get("parameters", ())}


ONCE = [each for each in POSTS if takes_key(each)]


def test_every_post_takes_a_key_or_is_safe() -> None:
    assert {each.id for each in POSTS if not takes_key(each)} == SAFE.keys()


def counts() -> dict[str, int]:
    return {
        model.__name__: model._default_manager.count()
        for model in apps.get_models()
        if model is not models.Answer
    }


def sender(caller: Caller, operation: Operation) -> Callable[[], Answer]:
    """Sends the same call with the same key each time."""
    cache.clear()
    call = caller.call_of(operation)
    plain: Send = caller.send

    def send(method, path, headers, body) -> Answer:
        return plain(method, path, {**headers, HEADER: "the-same"}, body)

    keyed = Caller(**{**vars(caller), "send": send})
    return lambda: keyed.make(call)


def without_repeats(answer: Answer) -> tuple[int, bytes]:
    """A batch says of each event whether it was there; nothing else differs."""
    return answer.status, answer.body.replace(b'"replayed":true', b'"replayed":false')


@pytest.mark.django_db
@pytest.mark.parametrize("operation", ONCE, ids=str)
def test_it_acts_once_and_is_answered_alike(caller, operation) -> None:
    send = sender(caller, operation)
    before = counts()
    first = send()
    assert first.status < 300, first
    after = counts()
    assert after != before, "it acts"
    assert without_repeats(send()) == without_repeats(first)
    assert counts() == after


@pytest.mark.django_db
@pytest.mark.parametrize("operation", ONCE, ids=str)
def test_what_cannot_be_answered_again_is_told_and_not_done_again(
    caller, operation, settings
) -> None:
    send = sender(caller, operation)
    first = send()
    after = counts()
    settings.ENCRYPTION_KEYS = {"new": bytes(32)}
    second = send()
    assert counts() == after
    if not models.Answer.objects.exists():  # an event is its own record
        assert without_repeats(second) == without_repeats(first)
        return
    assert second.status == 409, second
    assert second.json["type"].endswith(":answer-unreadable")
    assert "409" in operation.spec["responses"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("operation", ONCE, ids=str)
def test_of_many_at_once_one_acts(caller, operation) -> None:
    send = sender(caller, operation)
    start = threading.Barrier(AT_ONCE)

    def act(_: int) -> Answer:
        start.wait(PATIENCE)
        try:
            return send()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(act, range(AT_ONCE)))
    assert {answer.status // 100 for answer in answers} == {2}, answers
    assert len({without_repeats(answer) for answer in answers}) == 1
    after = counts()
    send()
    assert counts() == after
