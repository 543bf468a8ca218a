"""Nursa's user webhooks, as its pages document them."""

import re
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from tests import factories
from tests.dialects import nestjs
from tests.dialects.calls import Call, DialectCalls
from tests.dialects.suite import DialectSuite
from webhooks.front import documents
from webhooks.models import Subscription
from webhooks.operations import subscriptions

USER = "/api/v2/public/webhooks/user"
LOGS = "/api/v2/public/webhooks/logs"
URL = "https://exemple.com/webhook"
ACCEPTED = "facility.creation.accepted"
SECRETS = ["sDV1aKqitCLClI12m7UPFbAAvZfZquJw", "mryefgHPBVHJwux0o3BYW7hPM0BZlcCa"]

# The vendor's sample of a request in which every rule fails, in its order.
SAMPLE = [
    "should be a secure URL with HTTPS",
    "url must be a string",
    "events must contain at least 1 elements",
    "events must be an array",
    (
        "each value in events must be one of the following values: all, "
        "facility.user-connection.accepted, facility.user-connection.rejected, "
        "facility.creation.accepted, facility.creation.rejected"
    ),
    "secrets must contain no more than 2 elements",
    "secrets must be an array",
]
EACH_SECRET = "each value in secrets must be a string"


def bad_request(messages):
    return {"message": messages, "error": "Bad Request", "statusCode": 400}


def numbered(*numbers: int):
    """The sample's messages by their number, from 1."""
    return bad_request([SAMPLE[number - 1] for number in numbers])


def malformed_or_without_fields(body) -> None:
    # A scalar is no JSON to the framework; an array is an object without fields.
    if isinstance(body["message"], str):
        nestjs.malformed(body)
    else:
        assert body == numbered(3, 4, 5)


class Nursa(DialectCalls):
    slug = "nursa"
    content_type = "application/json; charset=utf-8"
    prefix = "/api/v2/public"
    is_any_case = True
    reads_forms = True
    inflates = True
    max_body = 100 * 1024

    def headers(self, key):
        return {"Authorization": f"Bearer {key}"}

    def error(self, kind):
        unauthorized = {"message": "Unauthorized", "statusCode": 401}
        forbidden = {
            "message": "Forbidden Resource",
            "error": "Forbidden",
            "statusCode": 403,
        }
        return {
            "key_missing": (401, unauthorized),
            "key_malformed": (401, unauthorized),
            "key_invalid": (401, unauthorized),
            "partner_inactive": (403, forbidden),
            "forbidden": (403, forbidden),
            "not_found": (
                404,
                {
                    "message": "Webhook not found",
                    "error": "Not Found",
                    "statusCode": 404,
                },
            ),
            "no_route": (404, nestjs.cannot("/api/v2/public")),
            "method_not_allowed": (404, nestjs.cannot("/api/v2/public")),
            "malformed_json": (400, nestjs.malformed),
            "not_an_object": (400, malformed_or_without_fields),
            "wrong_media_type": (400, numbered(3, 4, 5)),
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
            "throttled": (429, {"message": "Too Many Requests", "statusCode": 429}),
            "bad_request": (400, {"message": "Bad Request", "statusCode": 400}),
            "internal": (
                500,
                {"statusCode": 500, "message": "Internal server error"},
            ),
            "unavailable": (503, {"message": "Service Unavailable", "statusCode": 503}),
        }[kind]

    def refused_value(self, name, reason):
        return 400, bad_request([f"{name} {reason}"])

    def made(self, partner=None, **fields) -> Subscription:
        fields = {"events": [ACCEPTED], "urls": [URL], "secrets": SECRETS, **fields}
        return factories.subscription(partner or self.partner, "nursa", **fields)


class TestNursa(Nursa, DialectSuite):
    """`PATCH`, the documented operation itself."""

    def write(self, partner, key):
        self.webhook = self.made(partner)
        self.path = f"{USER}/{self.webhook.id}"
        return Call("PATCH", self.path, {"url": URL, "events": [ACCEPTED]})

    def foreign(self, owner, owner_key, stranger_key):
        return [
            Call("PATCH", self.path, {"events": ["all"]}),
            Call("DELETE", self.path),
        ]

    def unknown(self, partner, key):
        return Call("PATCH", f"{USER}/{uuid4()}", {"events": ["all"]})

    def patch(self, body, path: str | None = None):
        return self.send(Call("PATCH", path or self.path, body))

    # --- Success --------------------------------------------------------------------

    def test_it_answers_201_in_the_documented_form_to_the_byte(self):
        events = ["facility.creation.accepted", "facility.user-connection.accepted"]
        response = self.patch({"url": URL, "events": events, "secrets": SECRETS})
        assert response.status_code == 201
        expected = (
            f'{{"data":{{"id":"{self.webhook.id}","url":"https://exemple.com/webhook",'
            '"events":["facility.creation.accepted",'
            '"facility.user-connection.accepted"],'
            f'"clientId":"{self.key.id}",'
            '"secrets":["sDV1aKqitCLClI12m7UPFbAAvZfZquJw",'
            '"mryefgHPBVHJwux0o3BYW7hPM0BZlcCa"]}}'
        )
        assert response.content.decode() == expected

    def test_it_answers_a_request_by_curl(self):
        # The page prints no curl line; this is what its generator makes of the sample.
        response = self.client.generic(
            "PATCH",
            self.path,
            '{"url": "https://exemple.com/webhook", "events": ["all"]}',
            content_type="application/json",
            headers={
                "Accept": "application/json",
                "Authorization": f"Bearer {self.key_text}",
            },
        )
        assert response.json()["data"]["events"] == ["all"]

    @pytest.mark.parametrize("sent", [{}, {"url": None, "secrets": None}])
    def test_it_keeps_the_url_and_the_secrets_that_are_not_sent(self, sent):
        response = self.patch({"events": ["all"], **sent})
        assert response.json()["data"] == {
            "id": str(self.webhook.id),
            "url": URL,
            "events": ["all"],
            "clientId": str(self.key.id),
            "secrets": SECRETS,
        }

    def test_it_generates_one_secret_for_an_empty_list(self):
        [first] = self.patch({"events": ["all"], "secrets": []}).json()["data"][
            "secrets"
        ]
        [second] = self.patch({"events": ["all"], "secrets": []}).json()["data"][
            "secrets"
        ]
        assert re.fullmatch(r"[A-Za-z0-9]{32}", first)
        assert first != second

    @pytest.mark.parametrize("secrets", [["one"], ["two", "one"], ["same", "same"]])
    def test_it_replaces_the_secrets_by_those_that_are_sent(self, secrets):
        response = self.patch({"events": ["all"], "secrets": secrets})
        assert response.json()["data"]["secrets"] == secrets
        self.webhook.refresh_from_db()
        assert self.webhook.live_secrets(timezone.now()) == secrets

    @pytest.mark.parametrize(
        "events", [["all", ACCEPTED], [ACCEPTED, ACCEPTED], ["all", "all"]]
    )
    def test_it_stores_and_echoes_events_as_they_are_sent(self, events):
        # [D] Duplicates and `all` beside others are no error.
        assert self.patch({"events": events}).json()["data"]["events"] == events

    def test_it_takes_the_id_in_any_case(self):
        response = self.patch(
            {"events": ["all"]}, f"{USER}/{str(self.webhook.id).upper()}"
        )
        assert response.json()["data"]["id"] == str(self.webhook.id)

    def test_it_shows_the_calling_key_as_the_client(self):
        other, text = factories.key(self.partner)
        data = self.send(self.call, key=text).json()["data"]
        assert data["clientId"] == str(other.id)

    def test_it_takes_the_scheme_of_the_header_in_any_case(self):
        response = self.call.send(
            self.client, {"Authorization": f"bEARER {self.key_text}"}
        )
        assert response.status_code == 201

    def test_it_keeps_unknown_fields_over_several_patches(self):
        self.patch({"events": ["all"], "a": 1, "b": 1})
        self.patch({"events": ["all"], "b": 2})
        self.webhook.refresh_from_db()
        assert self.webhook.extras == {"a": 1, "b": 2}

    # --- Validation: every case was put to a NestJS application ------------------------

    @pytest.mark.parametrize(
        ("body", "messages"),
        [
            ({"url": 1, "events": None, "secrets": "x"}, (1, 2, 3, 4, 5, 6, 7)),
            ({"url": "http://exemple.com", "events": ["all"]}, (1,)),
            ({"url": "", "events": ["all"]}, (1,)),
            ({"url": "exemple.com", "events": ["all"]}, (1,)),
            ({"url": 1, "events": ["all"]}, (1, 2)),
            ({"url": [URL], "events": ["all"]}, (1, 2)),
            ({"url": False, "events": ["all"]}, (1, 2)),
            ({}, (3, 4, 5)),
            (None, (3, 4, 5)),
            ([], (3, 4, 5)),
            ([{"events": ["all"]}], (3, 4, 5)),
            ({"url": URL}, (3, 4, 5)),
            ({"events": None}, (3, 4, 5)),
            ({"events": "x"}, (3, 4, 5)),
            ({"events": {"0": "all"}}, (3, 4, 5)),
            # "Each" of what is no array is the thing itself.
            ({"events": "all"}, (3, 4)),
            ({"events": []}, (3,)),
            ({"events": ["nope"]}, (5,)),
            ({"events": ["all", "nope"]}, (5,)),
            ({"events": ["ALL"]}, (5,)),
            ({"events": [None]}, (5,)),
            ({"events": [["all"]]}, (5,)),
            ({"events": ["all"], "secrets": ["a", "b", "c"]}, (6,)),
            ({"events": ["all"], "secrets": "x"}, (6, 7)),
            ({"events": ["all"], "secrets": 1}, (6, 7)),
            ({"events": ["all"], "secrets": {}}, (6, 7)),
            ({"url": "http://exemple.com"}, (1, 3, 4, 5)),
        ],
    )
    def test_it_tells_each_failed_rule_in_the_documented_words(self, body, messages):
        response = self.patch(body)
        assert response.status_code == 400
        assert response.json() == numbered(*messages)
        assert list(response.json()) == ["message", "error", "statusCode"]

    @pytest.mark.parametrize("secrets", [[1], [""], [None], ["a", ["b"]]])
    def test_it_wants_secrets_to_be_strings(self, secrets):
        # [D] The sample has no message for an element.
        response = self.patch({"events": ["all"], "secrets": secrets})
        assert response.json() == bad_request([EACH_SECRET])

    def test_it_tells_too_many_secrets_before_what_is_wrong_with_one(self):
        response = self.patch({"events": ["all"], "secrets": ["a", "b", 1]})
        assert response.json() == bad_request([SAMPLE[5], EACH_SECRET])

    @pytest.mark.parametrize(
        "url", ["https://10.0.0.1/", "https://", "HTTPS://u:p@exemple.com/"]
    )
    def test_it_tells_why_a_url_is_never_called(self, url):
        body = self.patch({"url": url, "events": ["all"]}).json()
        [reason] = body["message"]
        assert body == bad_request([reason])
        assert reason not in SAMPLE
        assert "URL" in reason or "host" in reason

    def test_it_stays_with_https_whatever_the_operator_allows(self, settings):
        settings.WEBHOOKS_ALLOW_HTTP = True
        settings.WEBHOOKS_EGRESS_ALLOW = ["receiver.internal"]
        response = self.patch({"url": "http://receiver.internal/", "events": ["all"]})
        assert response.json() == numbered(1)
        response = self.patch({"url": "https://receiver.internal/", "events": ["all"]})
        assert response.status_code == 201

    # --- The order of the checks ------------------------------------------------------

    def test_it_looks_at_the_json_before_the_route_and_the_key(self):
        for method, path in (
            ("PATCH", self.path),
            ("PUT", self.path),
            ("GET", "/api/v2/public/nothing"),
        ):
            response = Call(method, path, b"{").send(self.client)
            self.assert_error(response, "malformed_json")

    def test_it_looks_at_the_route_before_the_key(self):
        self.assert_error(Call("PUT", self.path, {}).send(self.client), "no_route")

    def test_it_looks_at_the_key_before_the_fields(self):
        response = Call("PATCH", self.path, {}).send(self.client)
        self.assert_error(response, "key_missing")
        assert "WWW-Authenticate" not in response

    def test_it_looks_at_the_fields_before_the_object(self):
        response = self.patch({}, f"{USER}/{uuid4()}")
        assert response.json() == numbered(3, 4, 5)

    @pytest.mark.parametrize("webhook_id", ["1", "x" * 300, "%20", "null", "%E2%82%AC"])
    def test_it_answers_what_is_no_id_as_unknown(self, webhook_id):
        response = self.patch({"events": ["all"]}, f"{USER}/{webhook_id}")
        self.assert_error(response, "not_found")

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
    def test_it_answers_other_methods_as_routes_it_has_not(self, method):
        response = self.send(Call(method, f"{self.path}?a=b"))
        assert response.status_code == 404
        assert response.json() == {
            "message": f"Cannot {method} {self.path}?a=b",
            "error": "Not Found",
            "statusCode": 404,
        }
        assert "Allow" not in response

    def test_it_answers_the_webhook_of_another_dialect_as_none(self):
        other = factories.subscription(self.partner, "partnero", urls=[URL])
        response = self.patch({"events": ["all"]}, f"{USER}/{other.id}")
        self.assert_error(response, "not_found")

    def test_it_answers_a_webhook_deleted_in_the_meantime_as_none(self, monkeypatch):
        def gone(**_):
            raise subscriptions.Deleted(self.webhook.id)

        monkeypatch.setattr(subscriptions, "update", gone)
        self.assert_error(self.patch({"events": ["all"]}), "not_found")

    # --- Delete -----------------------------------------------------------------------

    def test_it_deletes_with_201_and_no_body(self):
        response = self.send(Call("DELETE", self.path))
        assert (response.status_code, response.content) == (201, b"")
        self.assert_error(self.send(Call("DELETE", self.path)), "not_found")
        self.assert_error(self.patch({"events": ["all"]}), "not_found")

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]"])
    def test_it_takes_a_delete_with_a_json_content_type_and_any_body(self, body):
        assert self.send(Call("DELETE", self.path, body)).status_code == 201

    def test_it_refuses_a_delete_with_a_key_that_may_only_read(self):
        _, text = factories.key(self.partner, scopes=["webhooks:read"])
        self.assert_error(
            self.send(Call("DELETE", self.path), key=text),
            "forbidden",
        )


class TestNursaCreate(Nursa, DialectSuite):
    """`POST`, and the list of what was made."""

    def write(self, partner, key):
        return Call("POST", USER, {"url": URL, "events": [ACCEPTED]})

    def error(self, kind):
        if kind == "wrong_media_type":
            return 400, numbered(1, 2, 3, 4, 5)
        if kind == "not_an_object":
            return (
                400,
                lambda body: (
                    isinstance(body["message"], str) or body == numbered(1, 2, 3, 4, 5)
                ),
            )
        return super().error(kind)

    def test_it_creates_with_201_and_a_secret_of_its_own(self):
        response = self.send(self.call)
        assert response.status_code == 201
        data = response.json()["data"]
        assert list(data) == ["id", "url", "events", "clientId", "secrets"]
        assert UUID(data["id"]).version == 4
        assert (data["url"], data["events"]) == (URL, [ACCEPTED])
        assert data["clientId"] == str(self.key.id)
        assert re.fullmatch(r"[A-Za-z0-9]{32}", data["secrets"][0])

    @pytest.mark.parametrize("secrets", [None, []])
    def test_it_generates_a_secret_where_none_is_given(self, secrets):
        body = {"url": URL, "events": ["all"], "secrets": secrets}
        data = self.send(Call("POST", USER, body)).json()["data"]
        assert len(data["secrets"]) == 1

    def test_it_takes_the_caller_s_own_secrets(self):
        body = {"url": URL, "events": ["all"], "secrets": SECRETS}
        data = self.send(Call("POST", USER, body)).json()["data"]
        assert data["secrets"] == SECRETS

    @pytest.mark.parametrize("sent", [{}, {"url": None}])
    def test_it_wants_a_url(self, sent):
        response = self.send(Call("POST", USER, {"events": ["all"], **sent}))
        assert response.json() == numbered(1, 2)

    def test_it_keeps_unknown_fields_without_showing_them(self):
        body = {"url": URL, "events": ["all"], "facilities": ["NUR-1"]}
        data = self.send(Call("POST", USER, body)).json()["data"]
        assert "facilities" not in data
        stored = Subscription.objects.of(self.partner, "nursa").get()
        assert stored.extras == {"facilities": ["NUR-1"]}

    # --- List -------------------------------------------------------------------------

    def test_it_lists_the_partner_s_webhooks_oldest_first(self):
        first = self.send(self.call).json()["data"]
        second = self.send(self.call).json()["data"]
        self.made(factories.partner())
        factories.subscription(self.partner, "partnero", urls=[URL])
        response = self.send(Call("GET", USER))
        assert response.status_code == 201
        assert response.json() == {"data": [first, second]}

    def test_it_shows_what_staff_left_empty_in_the_documented_types(self):
        self.made(events=None, urls=[], secrets=[])
        [data] = self.send(Call("GET", USER)).json()["data"]
        assert (data["url"], data["events"], data["secrets"]) == ("", [], [])

    def test_it_lists_nothing_as_an_empty_array(self):
        assert self.send(Call("GET", USER)).content == b'{"data":[]}'

    def test_it_answers_head_as_get_without_a_body(self):
        response = self.send(Call("HEAD", USER))
        assert (response.status_code, response.content) == (201, b"")

    @pytest.mark.parametrize("webhooks", [1, 5])
    def test_it_lists_with_two_selects(self, django_assert_num_queries, webhooks):
        for _ in range(webhooks):
            self.made()
        self.send(Call("GET", USER))  # notes the use of the key, once a minute
        with django_assert_num_queries(2):
            self.send(Call("GET", USER))


def test_it_is_described_as_documented():
    documents.check("nursa")
    document = documents.build("nursa")
    assert {path: set(methods) for path, methods in document["paths"].items()} == {
        USER: {"get", "post"},
        USER + "/{webhookId}": {"patch", "delete"},
        LOGS: {"get"},
    }
    schemas = document["components"]["schemas"]
    # Required on a PATCH too, against the habit of the generator.
    assert schemas["UpdateWebhookRequest"]["required"] == ["events"]
    assert schemas["CreateWebhookRequest"]["required"] == ["events", "url"]
    listed = document["paths"][USER]["get"]["responses"]["201"]["content"]
    reference = listed["application/json"]["schema"]["$ref"]
    assert reference == "#/components/schemas/WebhookList"
