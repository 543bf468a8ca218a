"""What Topiic refuses, in the words of its stack."""

import json
from dataclasses import replace
from uuid import uuid4

import pytest

from tests import factories
from webhooks.models import Subscription
from webhooks.operations import keys
from webhooks.operations.audit import SYSTEM

from .topiic_calls import (
    TRACE,
    TopiicCalls,
    problem,
    put,
)


class TestTopiic(TopiicCalls):
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
