"""Topiic: PUT /api/ApiKeys/{id}/webhook, as its page and its stack say."""

import json
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from tests.dialects.suite import Call, DialectSuite
from webhooks.dialects.topiic import serializers
from webhooks.models import ApiKey, Delivery, SigningSecret, Subscription
from webhooks.operations import keys
from webhooks.operations.audit import SYSTEM
from webhooks.rest import extras

RFC9110 = "https://tools.ietf.org/html/rfc9110#section-"
TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00")
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


def body_of(key, **changes):
    return {
        "id": str(key.id),
        "merchantId": str(key.partner_id),
        "webhookUrl": "https://receiver.example.com/hook",
        "webhookEvents": ["checkout.completed"],
        "webhookEnabled": True,
        **changes,
    }


def put(key, **changes):
    return Call("PUT", f"/api/ApiKeys/{key.id}/webhook", body_of(key, **changes))


def problem(status, title, section, **members):
    """Checks a whole problem, its members in their order, and its trace id."""
    type_ = section if section.startswith("https:") else RFC9110 + section

    def check(body):
        expected = {"type": type_, "title": title, "status": status, **members}
        assert TRACE.fullmatch(body["traceId"])
        assert list(body) == [*expected, "traceId"]
        assert body == {**expected, "traceId": body["traceId"]}

    return status, check


def untraced(status, title, type_, detail):
    return status, {"type": type_, "title": title, "status": status, "detail": detail}


def validation(**errors):
    return problem(
        400, "One or more validation errors occurred.", "15.5.1", errors=errors
    )


def dollar(body):
    assert list(body) == ["type", "title", "status", "errors", "traceId"]
    assert body["title"] == "One or more validation errors occurred."
    ((path, messages),) = body["errors"].items()
    assert path == "$"
    assert len(messages) == 1


def empty_or_dollar(body):
    if "" in body["errors"]:
        assert body["errors"] == {"": ["A non-empty request body is required."]}
    else:
        dollar(body)


def is_throttled(body):
    assert list(body) == ["type", "title", "status", "detail"]
    assert body["type"] == "https://tools.ietf.org/html/rfc6585#section-4"
    assert body["title"] == "Too Many Requests"


def unauthorized(detail):
    return untraced(401, "Unauthorized", RFC9110 + "15.5.2", detail)


def forbidden(detail):
    rfc7807 = "https://tools.ietf.org/html/rfc7807"
    return untraced(403, "Forbidden", rfc7807, detail)


CLOSED = unauthorized("The API key is invalid, expired or revoked.")
ERRORS = {
    "key_missing": unauthorized("An API key is required."),
    "key_malformed": CLOSED,
    "key_invalid": CLOSED,
    "partner_inactive": forbidden("The merchant is inactive."),
    "forbidden": forbidden("The API key may not change webhook settings."),
    "not_found": problem(404, "Not Found", "15.5.5"),
    "no_route": problem(404, "Not Found", "15.5.5"),
    "method_not_allowed": problem(405, "Method Not Allowed", "15.5.6"),
    "malformed_json": (400, dollar),
    "not_an_object": (400, empty_or_dollar),
    "wrong_media_type": problem(415, "Unsupported Media Type", "15.5.16"),
    "too_large": problem(
        413,
        "Content Too Large",
        "15.5.14",
        detail="The body is longer than 1048576 bytes.",
    ),
    "throttled": (429, is_throttled),
    "bad_request": problem(400, "Bad Request", "15.5.1"),
    "internal": problem(
        500, "An error occurred while processing your request.", "15.6.1"
    ),
    "unavailable": problem(503, "Service Unavailable", "15.6.4"),
}


class TestTopiic(DialectSuite):
    slug = "topiic"
    content_type = "application/json; charset=utf-8"
    prefix = "/api/ApiKeys"
    is_any_case = True
    json_types = ("application/json", "text/json", "application/vnd.api+json")

    def refused_value(self, name, reason):
        steps = (f"[{s}]" if s.isdecimal() else f".{s}" for s in name.split("."))
        path = "".join(["$", *steps])
        told = f"The JSON value {reason}. Path: {path} | LineNumber: 0 | BytePositionInLine: "

        def check(body):
            ((key, (message,)),) = body["errors"].items()
            assert key == path
            assert message.startswith(told)
            assert 0 < int(message.removeprefix(told).removesuffix(".")) < 1000
            assert body["title"] == "One or more validation errors occurred."

        return 400, check

    def headers(self, key):
        return {"Authorization": f"Bearer {key}"}

    def write(self, partner, key):
        return put(key)

    def unknown(self, partner, key):
        body = body_of(key, id=str(uuid4()))
        return Call("PUT", f"/api/ApiKeys/{body['id']}/webhook", body)

    def foreign(self, owner, owner_key, stranger_key):
        stranger = str(stranger_key.partner_id)
        return [put(owner_key, merchantId=stranger)]

    def error(self, kind):
        return ERRORS[kind]

    def refused(self, call, **errors):
        """Send a call that must fail validation in exactly these ways."""
        response = self.send(call)
        status, check = validation(**errors)
        assert response.status_code == status
        check(json.loads(response.content))

    def reply(self, **changes):
        response = self.send(put(self.key, **changes))
        assert response.status_code == 200, response.content
        return json.loads(response.content)

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

    # --- What it refuses ------------------------------------------------------------

    def test_it_challenges_a_caller_without_a_good_key(self):
        for response in (self.call.send(self.client), self.send(self.call, key="x")):
            assert response["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD", "OPTIONS"])
    def test_it_names_the_one_method_it_has(self, method):
        response = self.send(replace(self.call, method=method, body=None))
        assert response.status_code == 405
        assert response["Allow"] == "PUT"

    def test_it_names_missing_fields_in_pascal_case_I(self):
        self.refused(
            replace(self.call, body={}),
            Id=["The Id field is required."],
            MerchantId=["The MerchantId field is required."],
        )

    def test_it_refuses_an_empty_body_I(self):
        response = self.send(replace(self.call, body=None))
        errors = json.loads(response.content)["errors"]
        assert response.status_code == 400
        assert errors == {"": ["A non-empty request body is required."]}

    def test_it_takes_the_text_null_for_an_empty_body_I(self):
        response = self.send(replace(self.call, body=b"null"))
        errors = json.loads(response.content)["errors"]
        assert errors == {"": ["A non-empty request body is required."]}

    @pytest.mark.parametrize(
        ("text", "path", "kind", "line", "position"),
        [
            (b'{"id":"abc"}', "$.id", "System.Guid", 0, 11),
            (b'{"id":null}', "$.id", "System.Guid", 0, 10),
            (b'{"merchantId" : 1}', "$.merchantId", "System.Guid", 0, 17),
            (b'{"x":[1,"\xc3\xa9"],\n  "ID":{}}', "$.ID", "System.Guid", 1, 8),
            (b'{"webhookUrl":false}', "$.webhookUrl", "System.String", 0, 19),
            (b'{"webhookEnabled":null}', "$.webhookEnabled", "System.Boolean", 0, 22),
            (b'{"webhookEnabled":"true"}', "$.webhookEnabled", "System.Boolean", 0, 24),
            (b'{"webhookEvents":"a"}', "$.webhookEvents", "System.String[]", 0, 20),
            (b'{"webhookEvents":{}}', "$.webhookEvents", "System.String[]", 0, 18),
            (
                b'{"webhookEvents":["a", [2], 3]}',
                "$.webhookEvents[1]",
                "System.String",
                0,
                24,
            ),
            (b'{"webhookEvents":[null]}', "$.webhookEvents[0]", "System.String", 0, 22),
            # Of a member that is there twice the last one counts.
            (b'{"id":"abc", "id":0}', "$.id", "System.Guid", 0, 19),
            (
                b'{"webhookEvents":"a", "webhookEvents":["a", 1]}',
                "$.webhookEvents[1]",
                "System.String",
                0,
                45,
            ),
        ],
    )
    def test_it_tells_where_a_value_of_a_wrong_type_stands_I(
        self, text, path, kind, line, position
    ):
        message = (
            f"The JSON value could not be converted to {kind}. Path: {path} | "
            f"LineNumber: {line} | BytePositionInLine: {position}."
        )
        self.refused(replace(self.call, body=text), **{path: [message]})

    def test_it_tells_where_a_number_stands_however_long_it_is(self):
        text = f'{{"webhookEvents": {"9" * 5000}}}'
        response = self.send(replace(self.call, body=text.encode()))
        assert response.status_code == 400
        assert list(json.loads(response.content)["errors"]) == ["$.webhookEvents"]

    def test_it_stops_reading_at_the_first_wrong_type_I(self):
        response = self.send(replace(self.call, body={"webhookUrl": 1, "id": 2}))
        assert list(json.loads(response.content)["errors"]) == ["$.webhookUrl"]

    def test_it_tells_where_malformed_json_breaks_off_I(self):
        response = self.send(replace(self.call, body=b'{"id":\n  }'))
        ((message,),) = json.loads(response.content)["errors"].values()
        assert message.endswith(". Path: $ | LineNumber: 1 | BytePositionInLine: 2.")

    @pytest.mark.parametrize("url", ["", "example.com", "mailto:a@example.com", "//x"])
    def test_it_refuses_what_the_url_attribute_refuses_I(self, url):
        message = (
            "The WebhookUrl field is not a valid fully-qualified http, https, or ftp "
            "URL."
        )
        self.refused(put(self.key, webhookUrl=url), WebhookUrl=[message])

    def test_it_refuses_a_long_url_I(self):
        message = (
            "The field WebhookUrl must be a string or array type with a maximum length "
            "of '2048'."
        )
        url = "https://example.com/" + "x" * 2029
        self.refused(put(self.key, webhookUrl=url), WebhookUrl=[message])
        assert self.reply(webhookUrl=url[:-1])["webhookUrl"] == url[:-1]

    @pytest.mark.parametrize(
        "url",
        ["http://example.com", "ftp://example.com", "https://10.0.0.1/", "https://a/"],
    )
    def test_it_refuses_what_no_delivery_may_call_D(self, url):
        response = self.send(put(self.key, webhookUrl=url))
        assert response.status_code == 400
        errors = json.loads(response.content)["errors"]
        assert list(errors) == ["WebhookUrl"]
        assert not Subscription.objects.exists()

    @pytest.mark.parametrize(
        "id", ["abc", "2489e9ad2ee28e008ec932d5f69181c0", "%7B%7D"]
    )
    def test_it_refuses_a_route_that_holds_no_id_I(self, id):
        call = replace(self.call, path=f"/api/ApiKeys/{id}/webhook")
        shown = id.replace("%7B%7D", "{}")
        self.refused(call, id=[f"The value '{shown}' is not valid."])

    def test_it_refuses_ids_that_differ_D(self):
        response = self.send(put(self.key, id=str(uuid4())))
        self.assert_problem(
            response,
            problem(
                400,
                "Bad Request",
                "15.5.1",
                detail="Route id and body id do not match.",
            ),
        )

    def test_it_refuses_another_merchant_in_the_words_of_its_guide_F(self):
        expected = {
            "type": "https://tools.ietf.org/html/rfc7807",
            "title": "Forbidden",
            "status": 403,
            "detail": "Caller does not belong to the requested merchant.",
        }
        other = factories.partner()
        for merchant in (str(other.id), str(uuid4())):
            response = self.send(put(self.key, merchantId=merchant))
            assert response.status_code == 403
            assert json.loads(response.content) == expected

    def test_it_checks_ids_before_merchants_and_merchants_before_existence(self):
        unknown, other = str(uuid4()), str(uuid4())
        call = put(self.key, id=unknown, merchantId=other)
        assert self.send(call).status_code == 400
        call = replace(call, path=f"/api/ApiKeys/{unknown}/webhook")
        assert self.send(call).status_code == 403

    def test_it_checks_the_key_before_media_type_and_json(self):
        call = replace(self.call, body=b"{", content_type="text/plain")
        assert call.send(self.client).status_code == 401
        assert self.send(call).status_code == 415

    def test_it_knows_no_revoked_key(self):
        other, _ = factories.key(self.partner)
        keys.revoke(by=SYSTEM, key=other)
        self.assert_error(self.send(put(other)), "not_found")

    def test_a_revoked_keys_webhook_is_switched_off(self):
        other, _ = factories.key(self.partner)
        assert self.send(put(other)).status_code == 200
        keys.revoke(by=SYSTEM, key=other)
        (row,) = Subscription.objects.filter(api_key=other)
        assert not row.is_receiving
        self.assert_error(self.send(put(other)), "not_found")
        assert not Subscription.objects.get(id=row.id).is_receiving

    def test_a_replaced_key_hands_its_webhook_over(self):
        """There is one subscription, which both ids lead to."""
        old, _ = factories.key(self.partner)
        assert self.send(put(old)).status_code == 200
        (row,) = Subscription.objects.filter(api_key=old)
        new, _ = keys.rotate(by=SYSTEM, key=old)
        for number, key in enumerate((old, new, old)):
            response = self.send(put(key, webhookUrl=f"https://example.com/{number}"))
            assert response.json()["id"] == str(new.id)
            (stored,) = Subscription.objects.filter(api_key__in=[old, new])
            assert (stored.id, stored.api_key) == (row.id, new)
            assert stored.urls == [f"https://example.com/{number}"]

    def test_what_is_first_set_for_a_replaced_key_is_the_new_keys(self):
        old, _ = factories.key(self.partner)
        new, _ = keys.rotate(by=SYSTEM, key=old)
        newest, _ = keys.rotate(by=SYSTEM, key=new)
        assert self.send(put(old)).json()["id"] == str(newest.id)
        assert self.send(put(newest)).status_code == 200
        assert Subscription.objects.get(api_key=newest).public_id == str(newest.id)

    def test_a_replaced_key_leads_to_no_revoked_one(self):
        old, _ = factories.key(self.partner)
        new, _ = keys.rotate(by=SYSTEM, key=old)
        keys.revoke(by=SYSTEM, key=new)
        self.assert_error(self.send(put(old)), "not_found")

    def test_it_fails_closed_where_the_secret_cannot_be_read(self, settings, caplog):
        self.reply()
        settings.ENCRYPTION_KEYS = {"new": bytes(32)}
        response = self.send(self.call)
        self.assert_error(response, "internal")
        assert json.loads(response.content)["traceId"] in caplog.text

    def test_it_continues_the_trace_of_its_caller(self):
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        parent = f"00-{trace}-00f067aa0ba902b7-01"
        response = self.send(replace(self.call, body={}), traceparent=parent)
        assert json.loads(response.content)["traceId"].startswith(f"00-{trace}-")
        response = self.send(replace(self.call, body={}), traceparent="00-0-0-0")
        assert TRACE.fullmatch(json.loads(response.content)["traceId"])

    def assert_problem(self, response, expected):
        status, check = expected
        assert response.status_code == status
        check(json.loads(response.content))
