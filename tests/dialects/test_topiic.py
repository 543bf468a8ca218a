"""Topiic: PUT /api/ApiKeys/{id}/webhook, as its page and its stack say."""

import json
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from tests.dialects.calls import Call
from tests.dialects.suite import DialectSuite
from webhooks.dialects.topiic import serializers
from webhooks.models import ApiKey, Delivery, SigningSecret, Subscription
from webhooks.rest import extras

from .topiic_calls import (
    TopiicCalls,
    body_of,
    put,
)

# The id of the key, and of the merchant, in the sample of the vendor's page.
SAMPLE = UUID("2489E9AD-2EE2-8E00-8EC9-32D5F69181C0")
# The page's curl line, its key and host left out.
CURL = r"""
curl --request PUT \
--url https://example.com/api/ApiKeys/2489E9AD-2EE2-8E00-8EC9-32D5F69181C0/webhook \
--header 'Authorization: Bearer <token>' \
--header 'Content-Type: application/json' \
--data '{ "id": "2489E9AD-2EE2-8E00-8EC9-32D5F69181C0", "merchantId": "2489E9AD-2EE2-8E00-8EC9-32D5F69181C0", "webhookUrl": "https://example.com", "webhookEvents": [ "example" ], "webhookEnabled": true }'
"""


class TestTopiic(TopiicCalls, DialectSuite):
    # --- The answer -----------------------------------------------------------------

    def test_it_answers_the_whole_key_with_nulls_in_the_documented_order(self):
        created = datetime(2026, 4, 15, 12, 0, tzinfo=UTC)
        ApiKey.objects.filter(pk=self.key.pk).update(created_at=created)
        response = self.send(
            Call(
                "PUT",
                f"/api/ApiKeys/{self.key.id}/webhook",
                {"id": str(self.key.id), "merchantId": str(self.partner.id)},
            )
        )
        secret = SigningSecret.objects.get().reveal()
        used = ApiKey.objects.get(pk=self.key.pk).last_used_at
        assert response.status_code == 200
        assert response.content.decode() == (
            f'{{"id":"{self.key.id}","name":null,"keyPrefix":"whk_{self.key.prefix}",'
            f'"signingSecretPrefix":"{secret[:12]}","webhookUrl":null,'
            '"webhookEvents":null,"webhookEnabled":false,"expiresAt":null,'
            f'"lastUsedAt":"{serializers.Timestamp().to_representation(used)}","revokedAt":null,'
            '"createdAt":"2026-04-15T12:00:00Z"}'
        )

    def test_it_echoes_the_settings(self):
        expires = timezone.now().replace(microsecond=500000) + timedelta(days=1)
        ApiKey.objects.filter(pk=self.key.pk).update(name="Shop", expires_at=expires)
        reply = self.reply()
        assert reply["name"] == "Shop"
        assert reply["webhookUrl"] == "https://receiver.example.com/hook"
        assert reply["webhookEvents"] == ["checkout.completed"]
        assert reply["webhookEnabled"] is True
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.5Z", reply["expiresAt"])

    def test_it_never_shows_a_key_or_a_secret_but_by_its_prefix(self):
        response = self.send(self.call)
        secret = SigningSecret.objects.get().reveal()
        assert re.fullmatch(r"tss_[A-Za-z0-9_-]{43}", secret)
        assert secret.encode() not in response.content
        assert self.key_text.encode() not in response.content
        reply = json.loads(response.content)
        assert reply["signingSecretPrefix"] == secret[:12]
        assert self.key_text.startswith(reply["keyPrefix"] + "_")

    def test_it_keeps_the_secret_of_a_key_over_changes(self):
        first = self.reply()["signingSecretPrefix"]
        assert self.reply(webhookUrl=None)["signingSecretPrefix"] == first

    def test_it_shows_the_newer_of_two_secrets(self):
        self.reply()
        newer = SigningSecret.sealed(
            subscription=Subscription.objects.get(),
            plaintext="tss_newer-secret",
            created_at=timezone.now(),
        )
        newer.save()
        assert self.reply()["signingSecretPrefix"] == "tss_newer-se"

    def test_it_shows_null_where_no_secret_is_left(self):
        self.reply()
        SigningSecret.objects.all().delete()
        assert self.reply()["signingSecretPrefix"] is None

    def test_it_has_one_subscription_for_each_key(self):
        other, _ = factories.key(self.partner)
        self.reply()
        self.reply(webhookEnabled=False)
        response = self.send(put(other))  # [D]: any key of the merchant may
        assert json.loads(response.content)["id"] == str(other.id)
        rows = Subscription.objects.of(self.partner, "topiic")
        assert {row.api_key_id for row in rows} == {self.key.id, other.id}
        assert len(rows) == 2

    # --- What a request may say -----------------------------------------------------

    def test_it_replaces_everything_and_takes_absence_for_null_and_false(self):
        self.reply()
        reply = json.loads(
            self.send(
                replace(
                    self.call,
                    body={"id": str(self.key.id), "merchantId": str(self.partner.id)},
                )
            ).content
        )
        assert reply["webhookUrl"] is None
        assert reply["webhookEvents"] is None
        assert reply["webhookEnabled"] is False

    @pytest.mark.parametrize("events", [None, [], ["example"], ["b", "a", "b", ""]])
    def test_it_echoes_events_as_given_D(self, events):
        assert self.reply(webhookEvents=events)["webhookEvents"] == events

    def test_it_takes_enabled_settings_without_a_url_D(self):
        reply = self.reply(webhookUrl=None)
        assert reply["webhookEnabled"] is True
        assert not Delivery.objects.exists()

    @pytest.mark.parametrize("upper", [True, False])
    def test_it_takes_ids_in_any_case_and_shows_them_in_lower_case(self, upper):
        case = str.upper if upper else str.lower
        id = case(str(self.key.id))
        body = body_of(self.key, id=id, merchantId=case(str(self.partner.id)))
        response = self.send(Call("PUT", f"/api/ApiKeys/{id}/webhook", body))
        assert json.loads(response.content)["id"] == str(self.key.id).lower()

    @pytest.mark.parametrize(
        "path", ["/API/apikeys/{}/Webhook", "/api/ApiKeys/{}/webhook/"]
    )
    def test_it_matches_the_path_in_any_case_with_or_without_last_slash_I(self, path):
        response = self.send(replace(self.call, path=path.format(self.key.id)))
        assert response.status_code == 200

    def test_it_matches_property_names_in_any_case_as_system_text_json_does_I(self):
        body = {name.upper(): value for name, value in self.call.body.items()}
        response = self.send(replace(self.call, body=body))
        assert json.loads(response.content)["webhookEvents"] == ["checkout.completed"]

    def test_it_keeps_unknown_members_without_echoing_them(self):
        reply = self.reply(colour={"red": 1})
        assert "colour" not in reply
        assert Subscription.objects.get().extras == {"colour": {"red": 1}}

    def test_it_keeps_unknown_members_up_to_a_limit(self):
        self.reply(first=1, large="x" * extras.UNRECOGNISED_BYTES, last=2)
        assert Subscription.objects.get().extras == {"first": 1}

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
    def test_it_takes_the_scheme_in_any_case(self, scheme):
        response = self.call.send(
            self.client, {"Authorization": f"{scheme} {self.key_text}"}
        )
        assert response.status_code == 200

    def test_the_curl_line_of_the_vendors_page_succeeds_literally(self):
        merchant = factories.partner()
        type(merchant).objects.filter(pk=merchant.pk).update(id=SAMPLE)
        merchant.id = SAMPLE
        key, text = factories.key(merchant, name="example")
        ApiKey.objects.filter(pk=key.pk).update(id=SAMPLE)
        words = shlex.split(CURL.replace("<token>", text).replace("\\\n", ""))
        options = list(zip(words[1::2], words[2::2], strict=True))
        values = dict(options)
        headers = dict(v.split(": ", 1) for name, v in options if name == "--header")
        response = Client().generic(
            values["--request"],
            values["--url"].removeprefix("https://example.com"),
            values["--data"].encode(),
            content_type=headers.pop("Content-Type"),
            headers=headers,
        )
        assert response.status_code == 200
        reply = json.loads(response.content)
        assert reply["id"] == "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"
        assert reply["name"] == "example"
        assert reply["webhookUrl"] == "https://example.com"
        assert reply["webhookEvents"] == ["example"]
