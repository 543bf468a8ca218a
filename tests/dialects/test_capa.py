"""Capa's webhook settings, as its page documents them."""

import re
import shlex
from datetime import UTC, datetime
from itertools import pairwise

import pytest
import time_machine
from django.utils import timezone

from tests import factories
from tests.dialects import nestjs
from tests.dialects.calls import Call
from tests.dialects.suite import DialectSuite
from webhooks.front import documents
from webhooks.models import Subscription
from webhooks.operations import subscriptions

V1 = "/api/partner/v1/webhook-settings"
V2 = "/api/partner/v2/webhook-settings"
URL = "https://some-webhook-endpoint.url"
NOT_A_URL = "url must be a URL address or null"

# The vendor's own line, with its host and its key replaced.
CURL = """curl --request PUT \\
  --url https://staging-api.capa.fi/api/partner/v1/webhook-settings \\
  --header 'Content-Type: application/json' \\
  --header 'partner-api-key: <partner-api-key>' \\
  --data '{
  "url": "https://some-webhook-endpoint.url"
}'"""


def refusal(code: str, message: str, **more):
    return {"status": "error", "code": code, "message": message, **more}


def invalid(*errors: str):
    return refusal(
        "INVALID_USER_INPUT_ERROR", "Invalid User Input", errors=list(errors)
    )


def malformed_or_not_an_object(body) -> None:
    # A scalar is no JSON to the framework; an array is, and then has no url.
    if "statusCode" in body:
        nestjs.malformed(body)
    else:
        assert body == invalid("the body must be an object")


class TestCapa(DialectSuite):
    slug = "capa"
    content_type = "application/json; charset=utf-8"
    prefix = "/api/partner"
    is_any_case = True
    reads_forms = True
    inflates = True
    max_body = 100 * 1024

    def headers(self, key):
        return {"partner-api-key": key}

    def write(self, partner, key):
        return Call("PUT", V1, {"url": URL})

    def error(self, kind):
        unauthorized = "UNAUTHORIZED"
        return {
            "key_missing": (401, refusal(unauthorized, "API Key is missing")),
            "key_malformed": (401, refusal(unauthorized, "Invalid API Key format")),
            "key_invalid": (401, refusal(unauthorized, "Invalid API Key")),
            "partner_inactive": (
                403,
                refusal("INVALID_PARTNER_FLOW", "The partner has an invalid flow."),
            ),
            "forbidden": (
                403,
                refusal("FORBIDDEN", "The API Key may not change the settings."),
            ),
            "no_route": (404, nestjs.cannot("/api/partner")),
            "method_not_allowed": (404, nestjs.cannot("/api/partner")),
            "malformed_json": (400, nestjs.malformed),
            "not_an_object": (400, malformed_or_not_an_object),
            "wrong_media_type": (400, invalid(NOT_A_URL)),
            "too_large": (
                413,
                {"statusCode": 413, "message": "request entity too large"},
            ),
            "corrupt": (400, nestjs.corrupt),
            "unknown_coding": (
                415,
                {"statusCode": 415, "message": 'unsupported content encoding "br"'},
            ),
            "too_many_fields": (
                413,
                {"statusCode": 413, "message": "too many parameters"},
            ),
            "throttled": (429, refusal("TOO_MANY_REQUESTS", "Too Many Requests")),
            "bad_request": (400, {"message": "Bad Request", "statusCode": 400}),
            "internal": (
                500,
                {"statusCode": 500, "message": "Internal server error"},
            ),
            "unavailable": (503, {"message": "Service Unavailable", "statusCode": 503}),
        }[kind]

    def refused_value(self, name, reason):
        return 400, invalid(f"{name} {reason}")

    def put(self, body, path: str = V1):
        return self.send(Call("PUT", path, body))

    def settings(self) -> Subscription:
        return Subscription.objects.of(self.partner, "capa").get()

    # --- Success --------------------------------------------------------------------

    def test_it_answers_the_documented_curl_line(self):
        words = shlex.split(CURL.replace("<partner-api-key>", self.key_text))
        headers = dict(
            word.split(": ") for flag, word in pairwise(words) if flag == "--header"
        )
        path = words[words.index("--url") + 1].removeprefix(
            "https://staging-api.capa.fi"
        )
        response = self.client.generic(
            words[words.index("--request") + 1],
            path,
            words[words.index("--data") + 1],
            content_type=headers.pop("Content-Type"),
            headers=headers,
        )
        assert response.status_code == 200
        assert response.json()["data"]["url"] == URL

    def test_it_answers_in_the_documented_form_to_the_byte(self):
        moment = datetime(2024, 4, 5, 13, 45, 27, 63_999, tzinfo=UTC)
        with time_machine.travel(moment, tick=False):
            response = self.put({"url": URL})
        expected = (
            f'{{"status":"ok","data":{{"id":"{self.settings().id}",'
            f'"partnerId":"{self.partner.id}","url":"{URL}",'
            '"createdAt":"2024-04-05 13:45:27.063",'
            '"updatedAt":"2024-04-05 13:45:27.063"}}'
        )
        assert response.content.decode() == expected

    def test_it_answers_200_when_it_creates_and_keeps_id_and_creation(self):
        with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
            first = self.put({"url": URL})
        with time_machine.travel(datetime(2026, 1, 2, tzinfo=UTC), tick=False):
            second = self.put({"url": URL})
        assert (first.status_code, second.status_code) == (200, 200)
        # [D] `updatedAt` moves even when nothing differs.
        assert second.json()["data"] == {
            **first.json()["data"],
            "updatedAt": "2026-01-02 00:00:00.000",
        }

    def test_it_resets_the_url_with_null(self):
        self.put({"url": URL})
        response = self.put({"url": None})
        assert response.json()["data"]["url"] is None
        assert self.settings().urls == []

    def test_it_can_begin_with_null(self):
        assert self.put({"url": None}).json()["data"]["url"] is None

    def test_it_gives_every_partner_settings_and_a_secret_of_its_own(self):
        stranger = factories.partner()
        _, text = factories.key(stranger)
        mine = self.put({"url": URL}).json()["data"]
        other = self.send(Call("PUT", V1, {"url": None}), key=text).json()["data"]
        assert mine["id"] != other["id"]
        assert other["partnerId"] == str(stranger.id)
        assert self.settings().urls == [URL]
        [secret] = self.settings().live_secrets(timezone.now())
        [foreign] = (
            Subscription.objects.of(stranger, "capa").get().live_secrets(timezone.now())
        )
        assert re.fullmatch(r"[0-9a-f]{64}", secret)
        assert secret != foreign

    def test_it_keeps_the_secret_when_the_url_changes(self):
        self.put({"url": URL})
        before = self.settings().live_secrets(timezone.now())
        self.put({"url": "https://another.example.com/"})
        assert self.settings().live_secrets(timezone.now()) == before

    def test_it_shares_one_row_between_the_keys_of_a_partner(self):
        _, second = factories.key(self.partner)
        self.put({"url": URL})
        self.send(Call("PUT", V1, {"url": None}), key=second)
        assert self.settings().urls == []

    def test_it_leaves_no_room_for_a_second_row_of_a_partner(self):
        self.put({"url": URL})
        with pytest.raises(subscriptions.PublicIdTaken):
            factories.subscription(self.partner, "capa", is_singleton=True)

    def test_it_keeps_unknown_fields_without_showing_them(self):
        response = self.put({"url": URL, "label": {"a": [1]}})
        assert list(response.json()["data"]) == [
            "id",
            "partnerId",
            "url",
            "createdAt",
            "updatedAt",
        ]
        assert self.settings().extras == {"label": {"a": [1]}}

    # --- Version 2 ------------------------------------------------------------------

    @pytest.mark.parametrize("path", [V2, V2 + "/"])
    def test_it_wraps_the_same_settings_in_the_envelope_of_version_2(self, path):
        before = self.put({"url": None}).json()["data"]
        response = self.put({"url": URL}, path)
        assert response.status_code == 200
        body = response.json()
        assert list(body) == ["success", "data"]
        assert body["success"] is True
        assert body["data"]["id"] == before["id"]
        assert body["data"]["url"] == URL

    def test_it_refuses_in_the_spirit_of_version_2(self):
        # [D] The page of version 2 lists codes and messages, no bodies.
        assert Call("PUT", V2, {"url": URL}).send(self.client).json() == {
            "success": False,
            "code": "UNAUTHORIZED",
            "message": "API Key is missing",
        }
        assert self.put({}, V2).json() == {
            "success": False,
            "code": "INVALID_USER_INPUT_ERROR",
            "message": "Invalid User Input",
            "errors": [NOT_A_URL],
        }
        nestjs.malformed(self.put(b"{", V2).json())

    # --- Refusals -------------------------------------------------------------------

    @pytest.mark.parametrize(
        "body",
        [
            {},
            None,
            {"url": ""},
            {"url": 1},
            {"url": True},
            {"url": [URL]},
            {"url": {"href": URL}},
            {"url": "some-webhook-endpoint.url"},
            {"url": "/hook"},
            {"url": "https://"},
            {"url": "ftp://some-webhook-endpoint.url"},
            {"url": f" {URL}"},
            {"URL": URL},
        ],
    )
    def test_it_refuses_whatever_is_no_url(self, body):
        response = self.put(body)
        assert response.status_code == 400
        assert response.json() == invalid(NOT_A_URL)

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://plain.example.com/hook", "plain http is not allowed"),
            ("https://10.0.0.1/hook", "host"),
            ("https://user@receiver.example.com/", "URL"),
            (f"{URL}/{'a' * 2048}", "2048"),
            (f"{URL}/a b", "URL"),
            (f"{URL}/\n", "URL"),
        ],
    )
    def test_it_tells_why_a_url_is_never_called(self, url, reason):
        response = self.put({"url": url})
        assert response.status_code == 400
        body = response.json()
        assert body == invalid(*body["errors"])
        assert reason in body["errors"][0]
        assert not Subscription.objects.of(self.partner, "capa").exists()

    def test_it_takes_plain_http_where_the_operator_allows_it(self, settings):
        settings.WEBHOOKS_EGRESS_ALLOW = ["receiver.internal"]
        assert self.put({"url": "http://receiver.internal/"}).status_code == 200

    def test_it_refuses_the_page_s_own_sample_with_a_trailing_comma(self):
        response = self.put(b'{\n  "url": "https://some-webhook-endpoint.url",\n}')
        self.assert_error(response, "malformed_json")

    def test_it_looks_at_the_json_before_the_key_and_the_route(self):
        for path in (V1, "/api/partner/v1/nothing"):
            response = Call("PUT", path, b"{").send(self.client)
            self.assert_error(response, "malformed_json")

    def test_it_looks_at_the_key_before_the_fields(self):
        self.assert_error(Call("PUT", V1, {}).send(self.client), "key_missing")

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("", "key_missing"),
            ("   ", "key_missing"),
            ("a" * 15, "key_malformed"),
            ("a" * 129, "key_malformed"),
            ("a" * 20 + "!", "key_malformed"),
            # [D] Of the form, so told as any key that does not open.
            ("a" * 16, "key_invalid"),
            ("a" * 128, "key_invalid"),
        ],
    )
    def test_it_tells_the_form_of_a_key_from_its_truth(self, text, kind):
        self.assert_error(self.send(self.call, key=text), kind)

    def test_it_does_not_take_a_key_from_anywhere_else(self):
        for headers in (
            {"Authorization": f"Bearer {self.key_text}"},
            {"PartnerApiKey": self.key_text},
        ):
            self.assert_error(self.call.send(self.client, headers), "key_missing")

    @pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "OPTIONS"])
    def test_it_answers_other_methods_as_routes_it_has_not(self, method):
        for path in (V1, V2):
            response = Call(method, f"{path}?a=b").send(self.client)
            assert response.status_code == 404
            assert response.json() == {
                "message": f"Cannot {method} {path}?a=b",
                "error": "Not Found",
                "statusCode": 404,
            }
            assert "Allow" not in response

    def test_it_reads_the_body_up_to_its_limit(self):
        body = b'{"url": null, "x": "' + b"x" * (self.max_body - 22) + b'"}'
        assert len(body) == self.max_body
        assert self.put(body).status_code == 200
        self.assert_error(self.put(body + b" "), "too_large")

    def test_it_ignores_a_body_of_another_media_type_whatever_it_is(self):
        for content_type in ("application/x-www-form-urlencoded", "text/json", ""):
            call = Call("PUT", V1, b"{", content_type)
            self.assert_error(self.send(call), "wrong_media_type")


def test_it_is_described_as_documented_and_without_its_aliases():
    documents.check("capa")
    document = documents.build("capa")
    assert list(document["paths"]) == [V1]
    assert list(document["paths"][V1]) == ["put"]
    operation = document["paths"][V1]["put"]
    assert operation["operationId"] == "PartnerWebhookSettingsController_update"
    body = document["components"]["schemas"]["UpdateWebhookSettingsRequest"]
    assert body["required"] == ["url"]
    assert body["properties"]["url"]["nullable"] is True
    scheme = document["components"]["securitySchemes"]["partnerApiKey"]
    assert (scheme["in"], scheme["name"]) == ("header", "partner-api-key")
