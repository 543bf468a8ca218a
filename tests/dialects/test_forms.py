"""Every interface's form against its API: what the one makes, the other shows; what the
one refuses, the other refuses in the same words. Reads the registry."""

import json
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from tests import factories
from tests.dialects.forms import (
    BY,
    OTHER,
    SLUGS,
    URL,
    Caller,
    case,
    change,
    create,
    filled_in,
    preview,
)
from webhooks.delivery import wire
from webhooks.models import ApiKey, AuditEntry, Subscription
from webhooks.operations import subscriptions
from webhooks.operations.audit import SYSTEM
from webhooks.operations.given_secrets import MASK

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller() -> Caller:
    return Caller()


def refused(slug: str, caller: Caller, row: Any = None, **values: Any) -> Any:
    """The errors of a form with these values, which saves nothing."""
    before = Subscription.objects.values_list("id", "updated_at")
    if row is not None:
        row = Subscription.objects.select_related("partner", "api_key").get(id=row.id)
    form = filled_in(slug, caller, row, **values)
    assert not form.is_valid() or form.save(by=BY) is None
    assert set(Subscription.objects.values_list("id", "updated_at")) == set(before)
    return form.errors


@pytest.mark.parametrize("slug", SLUGS)
class TestEvery:
    def test_what_it_shows_is_what_the_api_answers(self, caller, slug) -> None:
        row = create(slug, caller)
        for values in ({}, case(slug).edited):
            change(slug, row, **values)
            answer = case(slug).ask(caller, Subscription.objects.get(id=row.id))
            assert answer.status_code in (200, 201)
            assert preview(slug, row, reveal=True) == answer.content
            assert (OTHER if values else URL).encode() in answer.content

    def test_secrets_in_plain_are_masked_unless_asked_for(self, caller, slug) -> None:
        row = create(slug, caller)
        for secret in row.live_secrets(timezone.now()):
            is_shown = secret.encode() in preview(slug, row, reveal=True)
            assert is_shown == case(slug).shows_secrets
            assert secret.encode() not in preview(slug, row)
        assert (MASK.encode() in preview(slug, row)) == case(slug).shows_secrets

    def test_what_it_makes_is_signed_as_its_profile_says(self, caller, slug) -> None:
        row = create(slug, caller)
        profile = wire.profile(row.profile)
        is_signed = profile.new_secret is not None
        assert bool(row.live_secrets(timezone.now())) == is_signed
        assert row.dialect == slug

    def test_values_that_are_given_back_change_nothing(self, caller, slug) -> None:
        row = create(slug, caller, max_in_flight=3, is_ordered=True)
        Subscription.objects.filter(id=row.id).update(
            extras={**row.extras, "theirs": {"a": [1]}}
        )
        before = Subscription.objects.filter(id=row.id).values().get()
        secrets = row.live_secrets(timezone.now())
        assert change(slug, row) is None
        assert Subscription.objects.filter(id=row.id).values().get() == before
        assert row.live_secrets(timezone.now()) == secrets

    def test_an_edit_of_one_field_leaves_the_others(self, caller, slug) -> None:
        row = create(slug, caller, max_in_flight=3, is_ordered=True)
        Subscription.objects.filter(id=row.id).update(
            extras={**row.extras, "theirs": 1}
        )
        form = case(slug).form
        before = form(row.partner, Subscription.objects.get(id=row.id)).initial
        row = change(slug, row, **case(slug).edited)
        assert form(row.partner, row).initial == {**before, **case(slug).edited}
        assert row.extras["theirs"] == 1

    def test_the_limits_are_the_portals_own_rule(self, caller, slug) -> None:
        row = create(slug, caller)
        row = change(slug, row, max_in_flight=2, rate_per_minute=60)
        assert (row.max_in_flight, row.rate_per_minute) == (2, 60)
        errors = refused(slug, caller, row, max_in_flight=0, rate_per_minute=10**6)
        assert set(errors) == {"max_in_flight", "rate_per_minute"}

    def test_what_the_interface_and_what_the_portal_refuse_is_told_at_once(
        self, caller, slug
    ) -> None:
        values = {case(slug).url: case(slug).forbidden_url}
        errors = refused(slug, caller, max_in_flight=0, **values)
        assert set(errors) == {"max_in_flight", case(slug).url}

    def test_a_change_that_was_overtaken_changes_nothing(self, caller, slug) -> None:
        row = create(slug, caller)
        seen = row.updated_at
        row = change(slug, row, max_in_flight=9)
        form = filled_in(slug, caller, row, **case(slug).edited)
        assert form.is_valid()
        with pytest.raises(subscriptions.Overtaken):
            form.save(by=BY, seen=seen)
        row.refresh_from_db()
        assert OTHER not in row.urls[:1]
        assert row.max_in_flight == 9

    def test_one_act_leaves_one_entry_by_whoever_did_it(self, caller, slug) -> None:
        row = create(slug, caller, max_in_flight=3)
        change(slug, row, **case(slug).edited, max_in_flight=4)
        written = AuditEntry.objects.filter(target_id=str(row.id)).order_by("id")
        assert [(e.action, e.actor, e.dialect) for e in written] == [
            ("subscription.created", "boss", slug),
            ("subscription.updated", "boss", slug),
        ]

    def test_what_is_disabled_stays_so_when_something_else_is_edited(
        self, caller, slug
    ) -> None:
        row = create(slug, caller)
        row.endpoints.update(disabled_at=timezone.now(), disabled_reason="410")
        change(slug, row, max_in_flight=5)
        assert not row.endpoints.receiving().exists()
        change(slug, row, **case(slug).edited)
        assert row.endpoints.receiving().exists()

    def test_a_name_that_is_too_long_is_refused(self, caller, slug) -> None:
        assert list(refused(slug, caller, name="x" * 256)) == ["name"]

    def test_a_deleted_one_is_gone(self, caller, slug) -> None:
        row = create(slug, caller)
        form = filled_in(slug, caller, row, **case(slug).edited)
        assert form.is_valid()
        subscriptions.delete(by=SYSTEM, subscription=row)
        with pytest.raises(subscriptions.Deleted):
            form.save(by=BY)

    def test_an_error_that_names_no_field_is_told_of_the_whole(
        self, caller, slug
    ) -> None:
        for detail in (["It is not so."], {"elsewhere": ["It is not so."]}):
            form = filled_in(slug, caller)
            assert form.is_valid()
            form.refuse(ValidationError(detail))
            (sentence,) = form.non_field_errors()
            assert str(sentence).endswith("It is not so.")


# --- The same words for the same faults ------------------------------------------------

FAULTS = [
    pytest.param(slug, field, value, id=f"{slug}-{field}-{number}")
    for slug in SLUGS
    for number, (field, value) in enumerate(case(slug).faults)
]
FAULTS_OF_CHANGES = [
    fault
    for fault in FAULTS
    if fault.values[1] not in case(str(fault.values[0])).form.given_once
]


def assert_same_words(slug: str, errors: Any, field: str, answer: Any) -> None:
    assert answer.status_code in (400, 422)
    assert list(errors) == [field]
    told = case(slug).errors(json.loads(answer.content))
    # Of what is wrong inside a list, the form says first which.
    for sentence, message in zip(errors[field], told, strict=True):
        assert sentence == message or sentence.endswith(f": {message}")


@pytest.mark.parametrize(("slug", "field", "value"), FAULTS)
def test_it_refuses_in_the_words_of_the_api(caller, slug, field, value) -> None:
    values = case(slug).fill(caller, **{field: value})
    path = case(slug).create_path(caller)
    body = case(slug).body(caller, values)
    answer = caller.send(case(slug).create[0], path, body)
    assert_same_words(slug, refused(slug, caller, **{field: value}), field, answer)
    assert not Subscription.objects.exists()


@pytest.mark.parametrize(("slug", "field", "value"), FAULTS_OF_CHANGES)
def test_it_refuses_a_change_in_the_words_of_the_api(
    caller, slug, field, value
) -> None:
    row = create(slug, caller)
    body = case(slug).body(caller, {**case(slug).filled, field: value})
    answer = caller.send(case(slug).change, case(slug).path(row), body)
    errors = refused(slug, caller, row, **{field: value})
    assert_same_words(slug, errors, field, answer)


# --- Each vendor's own -----------------------------------------------------------------


class TestBlaze:
    def test_a_new_one_names_a_url_in_the_words_of_the_api(self, caller) -> None:
        answer = caller.send("POST", case("blaze").create[1], {"webHookUrls": []})
        errors = refused("blaze", caller, webHookUrls=[])
        assert errors == {"webHookUrls": [answer.json()["message"]]}

    def test_one_whose_url_is_no_longer_allowed_is_switched_off(self, caller) -> None:
        row = create("blaze", caller)
        row.endpoints.filter(url=URL).update(url="http://10.0.0.1/hook")
        assert not change("blaze", row, is_active=False).is_active
        (sentence,) = refused("blaze", caller, row, shopId="8")["webHookUrls"]
        assert sentence.startswith("http://10.0.0.1/hook: ")

    def test_its_two_kinds_of_urls_stay_apart(self, caller) -> None:
        body = {"url": OTHER, "webHookUrls": [URL, OTHER], "note": {"a": 1}}
        made = caller.send("POST", "/api/v1/partner/webHooks", body).json()
        row = Subscription.objects.get(public_id=made["id"])
        row = change("blaze", row, webHookType="NEW_MEMBER")
        answer = case("blaze").ask(caller, row).json()
        assert (answer["url"], answer["webHookUrls"]) == (OTHER, [URL, OTHER])
        assert answer["webHookType"] == "NEW_MEMBER"
        assert row.extras["note"] == {"a": 1}
        change("blaze", row, url="", webHookType="")
        answer = case("blaze").ask(caller, row).json()
        assert "url" not in answer
        assert "webHookType" not in answer
        assert answer["webHookUrls"] == [URL, OTHER]

    def test_a_shop_is_changed_and_never_silently_kept(self, caller) -> None:
        row = change("blaze", create("blaze", caller), shopId="8")
        assert row.shop_id == "8"
        errors = refused("blaze", caller, row, shopId="")
        assert errors == {"shopId": ["shopId must not be empty"]}

    def test_the_list_may_be_emptied(self, caller) -> None:
        row = create("blaze", caller)
        change("blaze", row, webHookUrls=[])
        assert case("blaze").ask(caller, row).json()["webHookUrls"] == []


class TestCapa:
    def test_there_is_one_of_its_settings(self, caller) -> None:
        form = case("capa").form
        assert form.existing(caller.partner) is None
        row = create("capa", caller)
        assert form.existing(caller.partner) == row
        assert list(refused("capa", caller)) == ["__all__"]

    def test_no_url_stops_deliveries(self, caller) -> None:
        row = create("capa", caller)
        change("capa", row, url="")
        assert json.loads(preview("capa", row))["data"]["url"] is None
        assert row.endpoints.live().count() == 0


class TestTopiic:
    def offered(self, caller: Caller) -> list[str]:
        field: Any = case("topiic").form(caller.partner).fields["key"]
        return [str(key.id) for key in field.queryset]

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
        create("topiic", caller)
        assert self.offered(caller) == []
        assert case("topiic").form(caller.partner).lacks_key

    @pytest.mark.parametrize("key", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])  # fmt: skip
    def test_a_key_that_is_not_offered_is_refused_with_what_else_is_wrong(
        self, caller, key
    ) -> None:
        errors = refused("topiic", caller, key=key, webhookUrl="nonsense")
        assert set(errors) == {"key", "webhookUrl"}

    def test_a_key_of_somebody_else_or_with_settings_is_refused(self, caller) -> None:
        foreign, _ = factories.key(factories.partner())
        create("topiic", caller)
        for key in (foreign, caller.key):
            assert list(refused("topiic", caller, key=str(key.id))) == ["key"]

    def test_a_key_that_got_settings_meanwhile_is_refused(self, caller) -> None:
        late = filled_in("topiic", caller)
        assert late.is_valid()
        create("topiic", caller)
        assert late.save(by=BY) is None
        assert list(late.errors) == ["key"]

    def test_events_that_were_never_given_stay_null(self, caller) -> None:
        row = create("topiic", caller)
        Subscription.objects.filter(id=row.id).update(events=None)
        change("topiic", row, webhookUrl=OTHER)
        assert json.loads(preview("topiic", row))["webhookEvents"] is None


class TestNursa:
    def test_secrets_of_the_callers_own_are_taken_and_kept(self, caller) -> None:
        row = create("nursa", caller, secrets=["first-secret", "second-secret"])
        change("nursa", row, events=["all"])
        assert row.live_secrets(timezone.now()) == ["first-secret", "second-secret"]

    def test_every_event_is_written_as_all(self, caller) -> None:
        row = create("nursa", caller, events=["all"])
        assert case("nursa").ask(caller, row).json()["data"]["events"] == ["all"]
        row = change("nursa", row, events=["facility.creation.accepted"])
        assert row.events == ["facility.creation.accepted"]

    def test_all_beside_others_stays_as_its_owner_wrote_it(self, caller) -> None:
        row = create("nursa", caller)
        listed = ["facility.creation.accepted", "all"]
        Subscription.objects.filter(id=row.id).update(events=listed)
        assert change("nursa", row, max_in_flight=2).events == listed

    def test_without_a_usable_key_the_partner_stands_for_the_client(
        self, caller
    ) -> None:
        row = create("nursa", caller)
        ApiKey.objects.update(revoked_at=timezone.now())
        shown = json.loads(preview("nursa", row))["data"]["clientId"]
        assert shown == str(caller.partner.id)


class TestPartnero:
    def test_a_key_that_is_taken_is_refused_as_the_api_does(self, caller) -> None:
        create("partnero", caller, key="ours")
        body = {**case("partnero").filled, "key": "ours"}
        answer = caller.send("POST", "/v1/webhooks", body)
        assert refused("partnero", caller, key="ours") == answer.json()["errors"]

    def test_deliveries_are_switched_off_in_its_own_words(self, caller) -> None:
        row = create("partnero", caller)
        change("partnero", row, is_active=False)
        answer = case("partnero").ask(caller, row).json()
        assert answer["data"]["is_active"] is False


class TestPortal:
    def test_none_is_every_event_and_an_empty_list_is_none(self, caller) -> None:
        row = create("portal", caller, events=None)
        assert case("portal").ask(caller, row).json()["events"] is None
        change("portal", row, events=[])
        assert case("portal").ask(caller, row).json()["events"] == []

    def test_what_made_it_stays_known_to_a_repeat(self, caller) -> None:
        row = factories.subscription(
            caller.partner, "portal", profile="standard", extras={"fingerprint": "f"}
        )
        row = change("portal", row, name="Ours")
        assert row.extras == {"fingerprint": "f"}
