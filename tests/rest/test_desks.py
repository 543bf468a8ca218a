"""Every dialect's desk against the dialect itself: what the one makes, the other shows;
what the one refuses, the other refuses in the same words."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from webhooks.models import ApiKey, AuditEntry, Partner, Subscription
from webhooks.operations import subscriptions
from webhooks.operations.audit import SYSTEM, Actor
from webhooks.rest import desks

pytestmark = pytest.mark.django_db

URL = "https://receiver.example.com/hook"
OTHER = "https://other.example.com/hook"
BY = Actor.of_staff(user_id=1, username="boss")
SLUGS = ("blaze", "capa", "nursa", "partnero", "topiic", "portal")

# What a form of each dialect holds when it is filled in.
FILLED: dict[str, dict[str, Any]] = {
    "blaze": {"webHookUrls": [URL, OTHER], "webHookType": "NEW_MEMBER", "shopId": "7"},
    "capa": {"url": URL},
    "nursa": {"url": URL, "events": ["facility.creation.accepted", "all"]},
    "partnero": {"name": "Ours", "url": URL, "events": ["partner.created"]},
    "topiic": {"webhookUrl": URL, "webhookEvents": ["checkout.completed", "example"]},
    "portal": {"url": URL, "events": ["order.created"], "name": "Ours"},
}
# One field of it, changed.
EDITED: dict[str, dict[str, Any]] = {
    "blaze": {"webHookUrls": [OTHER]},
    "capa": {"url": OTHER},
    "nursa": {"url": OTHER},
    "partnero": {"url": OTHER},
    "topiic": {"webhookUrl": OTHER},
    "portal": {"url": OTHER},
}


class Caller:
    """A partner with one key, who calls the dialects over HTTP as curl does."""

    def __init__(self, partner: Partner | None = None) -> None:
        self.partner: Partner = partner or factories.partner()
        self.key: ApiKey
        self.key, self.text = factories.key(self.partner)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        return Client().generic(
            method,
            path,
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={
                "Authorization": f"Bearer {self.text}",
                "x-api-key": self.text,
                "partner-api-key": self.text,
            },
        )


@pytest.fixture
def caller() -> Caller:
    return Caller()


def desk(slug: str) -> desks.Desk:
    found = desks.get(slug)
    assert found is not None
    return found


def create(caller: Caller, slug: str, **given: Any) -> Subscription:
    values = {**FILLED[slug], **given}
    if slug == "topiic":
        values.setdefault("key", str(caller.key.id))
    return desk(slug).create(
        by=BY, partner=caller.partner, given=values, now=timezone.now()
    )


def change(slug: str, row: Subscription, **given: Any) -> Subscription:
    return desk(slug).change(by=BY, subscription=row, given=given, now=timezone.now())


def shown(slug: str, row: Subscription, **options: Any) -> bytes:
    row = Subscription.objects.get(id=row.id)
    return desk(slug).shown(row, now=timezone.now(), **options)


def said(caller: Caller, slug: str, row: Subscription) -> Any:
    """The dialect's own answer about it, to a request that changes nothing."""
    path = desk(slug).request(row).split(" ")[1]
    match slug:
        case "capa":
            url = next(iter(row.urls), None)
            return caller.send("PUT", path, {"url": url, **row.extras})
        case "topiic":
            return caller.send(
                "PUT",
                path,
                {
                    **row.extras,
                    "id": str(row.api_key_id),
                    "merchantId": str(caller.partner.id),
                    "webhookUrl": next(iter(row.urls), None),
                    "webhookEvents": row.events,
                    "webhookEnabled": row.is_active,
                },
            )
        case "nursa":
            return caller.send("PATCH", path, {"events": row.events})
        case _:
            return caller.send("GET", path)


def test_there_is_one_for_every_dialect_and_the_portal() -> None:
    assert {desk.slug for desk in desks.all()} == set(SLUGS)
    assert {desk.slug for desk in desks.all()} == {
        found.slug for slug in SLUGS if (found := desks.get(slug))
    }
    assert desks.get("nobody's") is None


@pytest.mark.parametrize("slug", SLUGS)
class TestEvery:
    def test_what_it_shows_is_what_the_dialect_answers(self, caller, slug) -> None:
        row = create(caller, slug)
        answer = said(caller, slug, row)
        assert answer.status_code in (200, 201)
        assert shown(slug, row, reveal=True) == answer.content
        change(slug, row, **EDITED[slug])
        row.refresh_from_db()
        answer = said(caller, slug, row)
        assert OTHER.encode() in answer.content
        assert shown(slug, row, reveal=True) == answer.content

    def test_secrets_in_plain_are_masked_unless_asked_for(self, caller, slug) -> None:
        row = create(caller, slug)
        for secret in row.live_secrets(timezone.now()):
            is_told = secret.encode() in shown(slug, row, reveal=True)
            assert is_told == desk(slug).tells_secrets
            assert secret.encode() not in shown(slug, row)
        assert (desks.MASK.encode() in shown(slug, row)) == desk(slug).tells_secrets

    def test_the_request_is_one_of_its_documented_paths(self, caller, slug) -> None:
        row = create(caller, slug)
        assert said(caller, slug, row).status_code not in (404, 405)

    def test_what_it_makes_is_signed_as_its_profile_says(self, caller, slug) -> None:
        row = create(caller, slug)
        is_signed = desk(slug).profile.new_secret is not None
        assert bool(row.live_secrets(timezone.now())) == is_signed
        assert (row.dialect, row.profile) == (slug, desk(slug).profile.name)

    def test_initial_values_given_back_change_nothing(self, caller, slug) -> None:
        row = create(caller, slug)
        Subscription.objects.filter(id=row.id).update(
            extras={**row.extras, "theirs": {"a": [1]}}
        )
        row.refresh_from_db()
        before = dict(Subscription.objects.filter(id=row.id).values().get())
        secrets = row.live_secrets(timezone.now())
        change(slug, row, **desk(slug).initial(row))
        after = dict(Subscription.objects.filter(id=row.id).values().get())
        assert after.pop("updated_at") != before.pop("updated_at")
        assert after == before
        assert row.live_secrets(timezone.now()) == secrets

    def test_the_fields_are_those_that_have_values(self, caller, slug) -> None:
        found = desk(slug)
        for row in (None, create(caller, slug)):
            names = [field.name for field in found.fields(caller.partner, row)]
            assert len(set(names)) == len(names)
            assert set(names) == set(found.initial(row))

    def test_an_edit_of_one_field_leaves_the_others(self, caller, slug) -> None:
        row = create(caller, slug, max_in_flight=3, is_ordered=True)
        Subscription.objects.filter(id=row.id).update(
            extras={**row.extras, "theirs": 1}
        )
        row.refresh_from_db()
        before = desk(slug).initial(row)
        change(slug, row, **EDITED[slug])
        row = Subscription.objects.get(id=row.id)
        assert desk(slug).initial(row) == {**before, **EDITED[slug]}
        assert row.extras["theirs"] == 1

    def test_the_pace_is_the_portals_own_rule(self, caller, slug) -> None:
        row = create(caller, slug)
        change(slug, row, max_in_flight=2, rate_per_minute=60)
        row.refresh_from_db()
        assert (row.max_in_flight, row.rate_per_minute) == (2, 60)
        with pytest.raises(desks.Refused) as refused:
            change(slug, row, max_in_flight=0, rate_per_minute=10**6)
        assert set(refused.value.errors) == {"max_in_flight", "rate_per_minute"}

    def test_what_the_dialect_and_what_the_portal_refuse_is_told_at_once(
        self, caller, slug
    ) -> None:
        url = next(iter(EDITED[slug]))
        bad = ["http://169.254.169.254/"] if slug == "blaze" else "http://10.0.0.1/"
        with pytest.raises(desks.Refused) as refused:
            create(caller, slug, max_in_flight=0, **{url: bad})
        assert set(refused.value.errors) == {"max_in_flight", url}
        assert not Subscription.objects.exists()

    def test_a_change_that_was_overtaken_changes_nothing(self, caller, slug) -> None:
        row = create(caller, slug)
        seen = row.updated_at
        change(slug, row, max_in_flight=9)
        with pytest.raises(subscriptions.Overtaken):
            desk(slug).change(
                by=BY, subscription=row, given=EDITED[slug], now=timezone.now(), seen=seen
            )  # fmt: skip
        row.refresh_from_db()
        assert OTHER not in row.urls[:1]
        assert row.max_in_flight == 9

    def test_one_act_leaves_one_entry_by_whoever_did_it(self, caller, slug) -> None:
        row = create(caller, slug, max_in_flight=3)
        change(slug, row, **EDITED[slug], max_in_flight=4)
        written = AuditEntry.objects.filter(target_id=str(row.id)).order_by("id")
        assert [(e.action, e.actor, e.dialect) for e in written] == [
            ("subscription.created", "boss", slug),
            ("subscription.updated", "boss", slug),
        ]

    def test_what_is_disabled_stays_so_when_something_else_is_edited(
        self, caller, slug
    ) -> None:
        row = create(caller, slug)
        row.endpoints.update(disabled_at=timezone.now(), disabled_reason="410")
        change(slug, row, max_in_flight=5)
        change(slug, row, **desk(slug).initial(row))
        assert not row.endpoints.receiving().exists()
        change(slug, row, **EDITED[slug])
        assert row.endpoints.receiving().exists()

    def test_a_name_that_is_too_long_is_refused(self, caller, slug) -> None:
        with pytest.raises(desks.Refused) as refused:
            create(caller, slug, name="x" * 256)
        assert list(refused.value.errors) == ["name"]


# --- The same words for the same faults ------------------------------------------------


def errors_of(slug: str, answer: Any) -> list[str]:
    """What a dialect says is wrong, one sentence after the other."""
    body = json.loads(answer.content)
    match slug:
        case "capa":
            return list(body["errors"])
        case "nursa":
            return list(body["message"])
        case "blaze":
            return [body["message"]]
        case "portal":
            return [error["detail"] for error in body["errors"]]
        case _:
            return [text for texts in body["errors"].values() for text in texts]


def place(slug: str, caller: Caller) -> tuple[str, str]:
    """Where a new one is asked for."""
    return {
        "blaze": ("POST", "/api/v1/partner/webHooks"),
        "capa": ("PUT", "/api/partner/v1/webhook-settings"),
        "nursa": ("POST", "/api/v2/public/webhooks/user"),
        "partnero": ("POST", "/v1/webhooks"),
        "topiic": ("PUT", f"/api/ApiKeys/{caller.key.id}/webhook"),
        "portal": ("POST", "/api/portal/v1/subscriptions"),
    }[slug]


LONG = "https://receiver.example.com/" + "x" * 2048

# A value that both are given, and the field that it is wrong in.
FAULTS: list[tuple[str, str, Any]] = [
    ("capa", "url", "ftp://receiver.example.com/"),
    ("capa", "url", "nonsense"),
    ("capa", "url", "https://169.254.169.254/"),
    ("capa", "url", LONG),
    ("nursa", "url", "http://receiver.example.com/"),
    ("nursa", "url", ""),
    ("nursa", "url", "https://10.0.0.1/"),
    ("nursa", "events", []),
    ("nursa", "events", ["nope"]),
    ("nursa", "secrets", ["a", "b", "c"]),
    ("partnero", "name", ""),
    ("partnero", "name", "x" * 256),
    ("partnero", "url", ""),
    ("partnero", "url", "nonsense"),
    ("partnero", "url", "https://10.0.0.1/"),
    ("partnero", "events", []),
    ("partnero", "events", ["partner.created", "order_placed"]),
    ("partnero", "key", "no key!"),
    ("partnero", "key", "x" * 65),
    ("topiic", "webhookUrl", "nonsense"),
    ("topiic", "webhookUrl", LONG),
    ("topiic", "webhookUrl", "https://10.0.0.1/"),
    ("topiic", "webhookUrl", "ftp://receiver.example.com/"),
    ("blaze", "webHookUrls", []),
    ("blaze", "webHookUrls", [URL, "nonsense"]),
    ("blaze", "webHookUrls", [URL, "https://10.0.0.1/"]),
    ("blaze", "webHookUrls", [f"{URL}/{n}" for n in range(21)]),
    ("blaze", "url", "nonsense"),
    ("blaze", "webHookType", "TRANSACTION_UPDATE"),
    ("blaze", "shopId", "x" * 256),
    ("portal", "url", ""),
    ("portal", "url", "nonsense"),
    ("portal", "url", LONG),
    ("portal", "url", "https://10.0.0.1/"),
    ("portal", "events", ["order.created", "no name!"]),
    ("portal", "events", ["x"] * 201),
    ("portal", "name", "x" * 256),
    ("portal", "shop_id", "x" * 256),
]


@pytest.mark.parametrize(("slug", "field", "value"), FAULTS)
def test_it_refuses_in_the_words_of_the_dialect(caller, slug, field, value) -> None:
    values = {**FILLED[slug], field: value}
    body = dict(values)
    if slug == "topiic":
        body |= {"id": str(caller.key.id), "merchantId": str(caller.partner.id)}
    answer = caller.send(*place(slug, caller), body)
    assert answer.status_code in (400, 422)
    with pytest.raises(desks.Refused) as refused:
        create(caller, slug, **{field: value})
    assert list(refused.value.errors) == [field]
    # Of what is wrong inside a list, the desk says first which.
    for sentence, message in zip(
        refused.value.errors[field], errors_of(slug, answer), strict=True
    ):
        assert sentence == message or sentence.endswith(f": {message}")
    assert not Subscription.objects.exists()


@pytest.mark.parametrize(
    ("slug", "field", "value"),
    [fault for fault in FAULTS if fault[1] not in ("key", "secrets")],
)
def test_it_refuses_a_change_in_the_words_of_the_dialect(
    caller, slug, field, value
) -> None:
    if (slug, field, value) == ("blaze", "webHookUrls", []):
        pytest.skip("a replacement may empty the list")
    row = create(caller, slug)
    path = desk(slug).request(row).split(" ")[1]
    method = {"capa": "PUT", "topiic": "PUT", "nursa": "PATCH", "portal": "PATCH"}
    body = {**FILLED[slug], field: value}
    if slug == "topiic":
        body |= {"id": str(caller.key.id), "merchantId": str(caller.partner.id)}
    answer = caller.send(method.get(slug, "PUT"), path, body)
    assert answer.status_code in (400, 422)
    with pytest.raises(desks.Refused) as refused:
        change(slug, row, **{field: value})
    assert list(refused.value.errors) == [field]
    for sentence, message in zip(
        refused.value.errors[field], errors_of(slug, answer), strict=True
    ):
        assert sentence == message or sentence.endswith(f": {message}")


class TestBlaze:
    def test_one_whose_url_is_no_longer_allowed_is_switched_off(self, caller) -> None:
        row = create(caller, "blaze")
        row.endpoints.filter(url=URL).update(url="http://10.0.0.1/hook")
        assert not change("blaze", row, is_active=False).is_active
        with pytest.raises(desks.Refused) as refused:
            change("blaze", row, shopId="8")
        (sentence,) = refused.value.errors["webHookUrls"]
        assert sentence.startswith("http://10.0.0.1/hook: ")

    def test_its_two_kinds_of_urls_stay_apart(self, caller) -> None:
        body = {"url": OTHER, "webHookUrls": [URL, OTHER], "note": {"a": 1}}
        made = caller.send("POST", "/api/v1/partner/webHooks", body).json()
        row = Subscription.objects.get(public_id=made["id"])
        change("blaze", row, webHookType="NEW_MEMBER")
        answer = said(caller, "blaze", row).json()
        assert (answer["url"], answer["webHookUrls"]) == (OTHER, [URL, OTHER])
        assert answer["webHookType"] == "NEW_MEMBER"
        row.refresh_from_db()
        assert row.extras["note"] == {"a": 1}
        change("blaze", row, url="", webHookType="")
        answer = said(caller, "blaze", row).json()
        assert "url" not in answer
        assert "webHookType" not in answer
        assert answer["webHookUrls"] == [URL, OTHER]

    def test_a_shop_is_changed_and_never_silently_kept(self, caller) -> None:
        row = create(caller, "blaze")
        change("blaze", row, shopId="8")
        row.refresh_from_db()
        assert row.shop_id == "8"
        with pytest.raises(desks.Refused) as refused:
            change("blaze", row, shopId="")
        assert refused.value.errors == {"shopId": ["shopId must not be empty"]}

    def test_the_list_may_be_emptied(self, caller) -> None:
        row = create(caller, "blaze")
        change("blaze", row, webHookUrls=[])
        assert said(caller, "blaze", row).json()["webHookUrls"] == []


class TestCapa:
    def test_there_is_one_of_its_settings(self, caller) -> None:
        assert desk("capa").present(caller.partner) is None
        row = create(caller, "capa")
        assert desk("capa").present(caller.partner) == row
        with pytest.raises(desks.Refused) as refused:
            create(caller, "capa")
        assert list(refused.value.errors) == [""]

    def test_no_url_stops_deliveries(self, caller) -> None:
        row = create(caller, "capa")
        change("capa", row, url="")
        assert json.loads(shown("capa", row))["data"]["url"] is None
        assert row.endpoints.live().count() == 0


class TestTopiic:
    def offered(self, caller: Caller) -> list[str]:
        fields = desk("topiic").fields(caller.partner)
        key = next(field for field in fields if field.name == "key")
        return [choice.value for choice in key.choices]

    def test_only_usable_keys_of_the_partner_without_settings_are_offered(
        self, caller
    ) -> None:
        factories.key(factories.partner())
        revoked, _ = factories.key(caller.partner)
        expired, _ = factories.key(caller.partner)
        now = timezone.now()
        ApiKey.objects.filter(id=revoked.id).update(revoked_at=now)
        ApiKey.objects.filter(id=expired.id).update(expires_at=now)
        assert self.offered(caller) == [str(caller.key.id)]
        create(caller, "topiic")
        assert self.offered(caller) == []

    @pytest.mark.parametrize("key", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])  # fmt: skip
    def test_a_key_that_is_not_offered_is_refused_with_what_else_is_wrong(
        self, caller, key
    ) -> None:
        with pytest.raises(desks.Refused) as refused:
            create(caller, "topiic", key=key, webhookUrl="nonsense")
        assert set(refused.value.errors) == {"key", "webhookUrl"}

    def test_a_key_of_somebody_else_or_with_settings_is_refused(self, caller) -> None:
        foreign, _ = factories.key(factories.partner())
        create(caller, "topiic")
        for key in (foreign, caller.key):
            with pytest.raises(desks.Refused) as refused:
                create(caller, "topiic", key=str(key.id))
            assert list(refused.value.errors) == ["key"]

    def test_events_that_were_never_given_stay_null(self, caller) -> None:
        row = create(caller, "topiic")
        Subscription.objects.filter(id=row.id).update(events=None)
        row.refresh_from_db()
        change("topiic", row, webhookUrl=OTHER)
        assert json.loads(shown("topiic", row))["webhookEvents"] is None


class TestNursa:
    def test_secrets_of_the_callers_own_are_taken_and_kept(self, caller) -> None:
        row = create(caller, "nursa", secrets=["first-secret", "second-secret"])
        change("nursa", row, events=["all"])
        assert row.live_secrets(timezone.now()) == ["first-secret", "second-secret"]

    def test_without_a_usable_key_the_partner_stands_for_the_client(
        self, caller
    ) -> None:
        row = create(caller, "nursa")
        ApiKey.objects.update(revoked_at=timezone.now())
        told = json.loads(shown("nursa", row))["data"]["clientId"]
        assert told == str(caller.partner.id)


class TestPartnero:
    def test_a_key_that_is_taken_is_refused_as_the_dialect_does(self, caller) -> None:
        create(caller, "partnero", key="ours")
        answer = caller.send("POST", "/v1/webhooks", {**FILLED["partnero"], "key": "ours"})  # fmt: skip
        with pytest.raises(desks.Refused) as refused:
            create(caller, "partnero", key="ours")
        assert refused.value.errors == answer.json()["errors"]

    def test_deliveries_are_switched_off_in_its_own_words(self, caller) -> None:
        row = create(caller, "partnero")
        change("partnero", row, is_active=False)
        assert said(caller, "partnero", row).json()["data"]["is_active"] is False


class TestPortal:
    def test_none_is_every_event_and_an_empty_list_is_none(self, caller) -> None:
        row = create(caller, "portal", events=None)
        assert said(caller, "portal", row).json()["events"] is None
        change("portal", row, events=[])
        assert said(caller, "portal", row).json()["events"] == []

    def test_what_made_it_stays_known_to_a_repeat(self, caller) -> None:
        row = factories.subscription(
            caller.partner, "portal", profile="standard", extras={"fingerprint": "f"}
        )
        change("portal", row, name="Ours")
        row.refresh_from_db()
        assert row.extras == {"fingerprint": "f"}


def test_an_unknown_kind_of_error_stands_for_the_whole() -> None:
    from rest_framework.exceptions import ValidationError

    told = desk("capa").told(ValidationError(["It is not so."]), {})
    assert told == {"": ["It is not so."]}
    told = desk("capa").told(ValidationError({"elsewhere": ["No."]}), {})
    assert told == {"": ["No."]}


def test_a_deleted_one_is_gone(caller) -> None:
    row = create(caller, "capa")
    subscriptions.delete(by=SYSTEM, subscription=row)
    with pytest.raises(subscriptions.Deleted):
        change("capa", row, url=OTHER)
