"""Secrets by REST: listed masked, replaced, shown to keys that may."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests import factories
from tests.api.calls import PREFIX, assert_problem, body_of, conflict_of, errors_of
from tests.operations.outcomes import hook
from webhooks.delivery import standard
from webhooks.models import AuditEntry, SigningSecret
from webhooks.operations import keys
from webhooks.operations.given_secrets import MASK

pytestmark = pytest.mark.django_db

FIRST = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def made(partner):
    return hook(partner, secrets=[FIRST])


@pytest.fixture
def path(made):
    return f"/subscriptions/{made.public_id}/secrets"


def test_it_lists_them_by_their_ends(send, path):
    row = SigningSecret.objects.get()
    response = send("GET", path)
    assert body_of(response) == {
        "data": [
            {
                "id": str(row.id),
                "ending": "LaSw",
                "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
                "expires_at": None,
            }
        ],
        "next": None,
    }
    assert FIRST[:-4].encode() not in response.content


def test_it_replaces_one_and_shows_the_new_one(send, path, made):
    body = body_of(send("POST", path, {}), 201)
    assert list(body) == ["id", "secret", "created_at", "expires_at"]
    assert standard.takes_secret(body["secret"])
    assert made.live_secrets(timezone.now()) == [FIRST, body["secret"]]
    listed = body_of(send("GET", path))["data"]
    assert [s["ending"] for s in listed] == [FIRST[-4:], body["secret"][-4:]]
    left = SigningSecret.objects.first().expires_at - timezone.now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    entry = AuditEntry.objects.get(action="secret.rotated")
    assert entry.actor.startswith("CRM")
    assert body["secret"] not in str([entry.before, entry.after])


def test_it_replaces_one_at_once_or_with_one_that_is_brought_along(send, path, made):
    own = standard.new_secret()
    body = body_of(send("POST", path, {"overlap_seconds": 0, "secret": own}), 201)
    assert body["secret"] == own
    assert made.live_secrets(timezone.now()) == [own]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"overlap_seconds": -1}, "#/overlap_seconds"),
        ({"overlap_seconds": 604_801}, "#/overlap_seconds"),
        ({"overlap_seconds": "60"}, "#/overlap_seconds"),
        ({"overlap_seconds": True}, "#/overlap_seconds"),
        ({"secret": "short"}, "#/secret"),
        ({"secret": 7}, "#/secret"),
        ({"overlap": 1}, "#/overlap"),
    ],
)
def test_it_points_at_what_is_wrong(send, path, made, body, pointer):
    (error,) = errors_of(send("POST", path, body))
    assert error["pointer"] == pointer
    assert made.live_secrets(timezone.now()) == [FIRST]


def test_a_repeat_replaces_nothing_and_tells_the_same_secret(send, path, made):
    first = send("POST", path, {}, Idempotency_Key="k1")
    again = send("POST", path, {}, Idempotency_Key='"k1"')
    assert body_of(first, 201) == body_of(again, 201)
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert len(made.live_secrets(timezone.now())) == 2
    assert SigningSecret.objects.count() == 2


def test_a_key_that_was_used_for_something_else_is_refused(send, path, made):
    body_of(send("POST", path, {}, Idempotency_Key="k1"), 201)
    for where, body in ((path, {"overlap_seconds": 0}), (f"{path}?dialect=portal", {})):
        response = send("POST", where, body, Idempotency_Key="k1")
        assert response.status_code == 422
        problem = response.json()
        assert problem["type"] == "urn:webhook-portal:problem:idempotency-key-reused"
        assert problem["errors"][0]["header"] == "Idempotency-Key"
    assert SigningSecret.objects.count() == 2


def test_a_refusal_does_not_use_up_the_key(send, path):
    bad = {"secret": "short"}
    errors_of(send("POST", path, bad, Idempotency_Key="k1"))
    assert body_of(send("POST", path, {}, Idempotency_Key="k1"), 201)


def test_it_reaches_the_subscriptions_of_a_dialect(send, partner):
    made = factories.subscription(partner, "capa", secrets=["0" * 64])
    path = f"/subscriptions/{made.public_id}/secrets"
    assert send("GET", path).status_code == 404
    (listed,) = body_of(send("GET", f"{path}?dialect=capa"))["data"]
    assert listed["ending"] == "0000"
    new = body_of(send("POST", f"{path}?dialect=capa", {}), 201)["secret"]
    assert made.live_secrets(timezone.now()) == ["0" * 64, new]
    for dialect, status in (("topiic", 404), ("x", 422), ("%00", 422)):
        assert send("GET", f"{path}?dialect={dialect}").status_code == status


def test_what_is_not_signed_has_nothing_to_replace(send, partner):
    made = factories.subscription(partner, "blaze")
    path = f"/subscriptions/{made.public_id}/secrets?dialect=blaze"
    assert body_of(send("GET", path))["data"] == []
    assert "not signed" in conflict_of(send("POST", path, {}))


def test_it_shows_one_and_records_that_it_did(send, path, made):
    id = body_of(send("GET", path))["data"][0]["id"]
    body = body_of(send("POST", f"{path}/{id}/reveal"))
    assert (body["id"], body["secret"]) == (id, FIRST)
    entry = AuditEntry.objects.get(action="secret.revealed")
    assert entry.target_id == str(made.id)
    assert FIRST not in str(entry.after)


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        ([], 200),
        (["secrets:reveal"], 200),
        (["webhooks:read", "webhooks:write"], 403),
        (["keys:manage"], 403),
    ],
)
def test_only_keys_that_may_are_shown_secrets(send, path, partner, scopes, status):
    _, other = factories.key(partner, scopes=scopes)
    id = SigningSecret.objects.get().id
    response = send("POST", f"{path}/{id}/reveal", key=other)
    assert response.status_code == status
    assert (FIRST.encode() in response.content) == (status == 200)


def test_a_reading_key_replaces_nothing(send, path, partner):
    _, reader = factories.key(partner, scopes=[keys.READ])
    assert send("GET", path, key=reader).status_code == 200
    assert send("POST", path, {}, key=reader).status_code == 403


def test_staff_who_explore_see_no_secret(client, admin_user, partner, path):
    client.force_login(admin_user)
    session = client.session
    session["explored_partner"] = str(partner.id)
    session.save()
    id = SigningSecret.objects.get().id
    response = client.post(f"{PREFIX}{path}/{id}/reveal", HTTP_ACCEPT="text/html")
    assert response.status_code == 403
    assert FIRST not in response.content.decode()


def test_it_says_when_a_secret_cannot_be_read(send, path):
    row = SigningSecret.objects.get()
    SigningSecret.objects.update(value="gone:AAAA")
    assert body_of(send("GET", path))["data"][0]["ending"] is None
    assert "key is missing" in conflict_of(send("POST", f"{path}/{row.id}/reveal"))


def test_it_shows_no_secret_that_has_expired_or_is_anothers(send, path, partner):
    row = SigningSecret.objects.get()
    other = hook(partner, secrets=[FIRST])
    elsewhere = f"/subscriptions/{other.public_id}/secrets/{row.id}/reveal"
    body_of(send("POST", path, {"overlap_seconds": 1}), 201)
    with time_machine.travel(timezone.now() + timedelta(seconds=2)):
        for where in (f"{path}/{row.id}/reveal", elsewhere, f"{path}/x/reveal"):
            response = send("POST", where)
            assert_problem(response, 404, "Not Found", "There is no such object.")


def test_it_lists_in_three_statements(send, path, django_assert_num_queries):
    send("GET", path)
    with django_assert_num_queries(3):
        send("GET", path)
    send("POST", path, {})
    with django_assert_num_queries(3):
        send("GET", path)


def test_a_key_that_may_not_reveal_makes_secrets_and_does_not_see_them(send, partner):
    _, key = factories.key(partner, scopes=[keys.READ, keys.WRITE])
    body = {"url": "https://receiver.example.com/"}
    made = body_of(send("POST", "/subscriptions", body, key=key), 201)
    assert made["secret"] == MASK
    path = f"/subscriptions/{made['id']}/secrets"
    rotated = body_of(send("POST", path, {}, key=key), 201)
    assert rotated["secret"] == MASK
    # Another key of the partner, which may, finds both.
    for each in body_of(send("GET", path))["data"]:
        shown = body_of(send("POST", f"{path}/{each['id']}/reveal"))["secret"]
        assert shown.startswith("whsec_")
    (error,) = errors_of(send("POST", path, {"secret": MASK}))
    assert error["pointer"] == "#/secret"
