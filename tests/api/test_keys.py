"""A partner's keys by REST: seen, replaced and closed by keys that manage keys."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests import factories
from tests.api.calls import (
    PREFIX,
    assert_problem,
    below,
    body_of,
    conflict_of,
    errors_of,
)
from webhooks.models import ApiKey, AuditEntry
from webhooks.operations import keys

pytestmark = pytest.mark.django_db


def ids(response):
    return [row["id"] for row in body_of(response)["data"]]


@pytest.fixture
def own(key, partner):
    """The row of the calling key."""
    return ApiKey.objects.get(partner=partner)


def test_it_lists_keys_and_no_text(send, key, own):
    response = send("GET", "/keys")
    (row,) = body_of(response)["data"]
    own.refresh_from_db()
    assert row == {
        "id": str(own.id),
        "name": "CRM",
        "prefix": own.prefix,
        "scopes": [],
        "created_at": own.created_at.isoformat().replace("+00:00", "Z"),
        "expires_at": None,
        "last_used_at": own.last_used_at.isoformat().replace("+00:00", "Z"),
        "revoked_at": None,
    }
    assert key.encode() not in response.content


def test_it_replaces_a_key_with_an_overlap(send, key, own):
    made = body_of(send("POST", f"/keys/{own.id}/rotate", {"overlap_seconds": 60}), 201)
    assert (made["name"], made["scopes"]) == ("CRM", [])
    assert made["id"] != str(own.id)
    for text in (key, made["key"]):
        assert ids(send("GET", "/keys", key=text)) == [str(own.id), made["id"]]
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert send("GET", "/me").status_code == 401
        assert send("GET", "/me", key=made["key"]).status_code == 200
        path = f"/keys/{own.id}/rotate"
        assert "expired" in conflict_of(send("POST", path, {}, key=made["key"]))
    entry = AuditEntry.objects.get(action="key.rotated")
    assert entry.actor.startswith("CRM")
    assert made["key"] not in str([entry.before, entry.after])


def test_a_repeat_replaces_nothing_and_tells_the_same_text(send, own):
    path = f"/keys/{own.id}/rotate"
    first, again = (send("POST", path, {}, Idempotency_Key="k1") for _ in range(2))
    assert body_of(first, 201) == body_of(again, 201)
    assert again["Idempotent-Replayed"] == "true"
    assert ApiKey.objects.count() == 2


def test_another_key_is_not_given_the_kept_answer_of_a_key(send, partner):
    """What it may see, such as a secret, may be more than the other one may."""
    _, narrow = factories.key(partner, scopes=[keys.READ, keys.WRITE])
    hook = {"url": "https://receiver.example.com/hook", "events": ["order.created"]}
    made = send("POST", "/subscriptions", hook, Idempotency_Key="setup")
    assert "secret" in body_of(made, 201)
    again = send("POST", "/subscriptions", hook, key=narrow, Idempotency_Key="setup")
    assert again.status_code == 422
    assert made.json()["secret"] not in again.content.decode()


def test_it_closes_a_key_at_once_and_for_good(send, key, own, partner):
    other, text = factories.key(partner)
    for _ in range(2):
        body = body_of(send("POST", f"/keys/{other.id}/revoke"))
        assert body["revoked_at"]
    assert send("GET", "/me", key=text).status_code == 401
    assert "revoked" in conflict_of(send("POST", f"/keys/{other.id}/rotate"))
    assert body_of(send("POST", f"/keys/{own.id}/revoke"))["id"] == str(own.id)
    assert send("GET", "/keys").status_code == 401
    assert AuditEntry.objects.filter(action="key.revoked").count() == 2


def test_it_points_at_what_is_wrong(send, own):
    for body in ({"overlap_seconds": 604_801}, {"overlap_seconds": -1}):
        (error,) = errors_of(send("POST", f"/keys/{own.id}/rotate", body))
        assert error["pointer"] == "#/overlap_seconds"
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("scopes", [[keys.READ, keys.WRITE], [keys.REVEAL]])
def test_only_keys_that_may_manage_keys(send, partner, scopes):
    other, text = factories.key(partner, scopes=scopes)
    assert send("GET", "/keys", key=text).status_code == 403
    for act in ("rotate", "revoke"):
        assert send("POST", f"/keys/{other.id}/{act}", key=text).status_code == 403


def test_a_key_sees_none_that_may_do_more(send, own, partner):
    manager, text = factories.key(partner, scopes=[keys.MANAGE, keys.READ, "shop:s1"])
    less, _ = factories.key(partner, scopes=[keys.READ, "shop:s1"])
    more = [
        factories.key(partner, scopes=s)[0]
        for s in ([keys.WRITE, "shop:s1"], [keys.READ], ["shop:s1"], [])
    ]
    assert set(ids(send("GET", "/keys", key=text))) == {str(manager.id), str(less.id)}
    for key in (own, *more):
        for act in ("rotate", "revoke"):
            response = send("POST", f"/keys/{key.id}/{act}", key=text)
            assert_problem(response, 404, "Not Found", "There is no such object.")
    assert body_of(send("POST", f"/keys/{less.id}/rotate", key=text), 201)


def test_it_pages_without_a_gap_or_a_repeat(send, own, partner):
    made = [own, *(factories.key(partner)[0] for _ in range(4))]
    moment = timezone.now().replace(microsecond=0)
    ApiKey.objects.filter(id__in=[made[1].id, made[2].id]).update(created_at=moment)
    seen, path = [], "/keys?limit=2"
    while path:
        body = body_of(send("GET", path))
        seen += [row["id"] for row in body["data"]]
        path = body["next"] and below(body["next"])
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("scopes", [[], [keys.MANAGE], [keys.MANAGE, "shop:s1"]])
def test_it_reads_a_page_however_many_keys_there_are(
    send, partner, scopes, django_assert_num_queries
):
    """The key, and the page; nothing of the other keys."""
    _, text = factories.key(partner, scopes=scopes)
    send("GET", "/keys?limit=1", key=text)
    for _ in range(2):
        with django_assert_num_queries(2) as queries:
            send("GET", "/keys?limit=1", key=text)
        assert "LIMIT 2" in queries.captured_queries[-1]["sql"]
        for _ in range(3):
            factories.key(partner, scopes=scopes)


def test_staff_who_explore_make_and_close_no_keys(client, admin_user, own, partner):
    client.force_login(admin_user)
    session = client.session
    session["explored_partner"] = str(partner.id)
    session.save()
    for act in ("rotate", "revoke"):
        response = client.post(f"{PREFIX}/keys/{own.id}/{act}", HTTP_ACCEPT="text/html")
        assert response.status_code == 403
    assert ApiKey.objects.get().revoked_at is None
