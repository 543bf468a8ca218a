"""Partnero: golden bodies, and every rule and decision of its page in docs/dialects."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from rest_framework.serializers import Serializer

from tests import factories
from tests.dialects.calls import Call
from tests.dialects.suite import DialectSuite
from webhooks.dialects.partnero import serializers

from .partnero_calls import (
    DEMO,
    FIELDS,
    HERE,
    MANY,
    NOW,
    REQUIRED,
    PartneroCalls,
    failure,
    invalid,
)


class TestPartnero(DialectSuite):
    slug = "partnero"
    content_type = "application/json"
    prefix = "/v1"

    def headers(self, key):
        return {"Authorization": f"Bearer {key}"}

    def write(self, partner, key):
        factories.subscription(partner, "partnero", public_id="6HCtIMKX8han")
        return Call("POST", MANY, {**DEMO, "is_active": True})

    def foreign(self, owner, owner_key, stranger_key):
        one = f"{MANY}/6HCtIMKX8han"
        return [
            Call("GET", one),
            Call("PUT", one, {"name": "Mine"}),
            Call("DELETE", one),
        ]

    def unknown(self, partner, key):
        return Call("GET", f"{MANY}/doesNotExist")

    json_types = ("application/json", "text/json", "application/vnd.api+json")
    reads_forms = True

    def refused_value(self, name, reason):
        message = f"The {name.replace('_', ' ')} field {reason}."
        return 422, failure(message, errors={name: [message]})

    def error(self, kind):
        return {
            "key_missing": (401, failure("Unauthenticated.")),
            "key_malformed": (401, failure("Unauthenticated.")),
            "key_invalid": (401, failure("Unauthenticated.")),
            "partner_inactive": (403, failure("This account is not active.")),
            "forbidden": (403, failure("This action is unauthorized.")),
            "not_found": (404, failure("Webhook not found.")),
            "no_route": (404, self.assert_no_route),
            "method_not_allowed": (
                405,
                failure(
                    "The PROPFIND method is not supported for route v1/webhooks. "
                    "Supported methods: GET, HEAD, POST."
                ),
            ),
            "malformed_json": (400, failure("The request body is not valid JSON.")),
            "not_an_object": (400, failure("The request body must be a JSON object.")),
            "wrong_media_type": (
                422,
                failure(
                    "The name field is required. (and 2 more errors)", errors=REQUIRED
                ),
            ),
            "too_large": (
                413,
                failure("The request body is longer than 1048576 bytes."),
            ),
            "too_many_fields": (
                413,
                failure("The request body has more than 1000 fields."),
            ),
            "throttled": (429, failure("Too Many Attempts.")),
            "bad_request": (400, failure("Bad Request")),
            "internal": (500, failure("Server Error")),
            "unavailable": (503, failure("Service Unavailable")),
        }[kind]

    def test_it_refuses_a_query_of_too_many_parameters(self):
        response = self.send(Call("GET", f"{MANY}?{'a&' * 1001}"))
        self.assert_error(response, "bad_request")

    def assert_no_route(self, body):
        assert list(body) == ["message", "status"]
        assert re.fullmatch(
            r"The route v1(/.*)? could not be found\.", body["message"], re.DOTALL
        )
        assert body["status"] == 0


class TestDescribing(PartneroCalls):
    def test_it_declares_what_it_answers(self, send, create):
        """The description is made of these; the answers are built beside them."""
        create()
        page = send("GET", MANY).json()
        declared = serializers.WebhookPage.fields
        assert list(declared) == list(page)
        for member in ("links", "meta"):
            inner = declared[member]
            assert isinstance(inner, Serializer)
            assert list(inner.fields) == list(page[member])
        assert list(serializers.PartneroWebhook().fields) == FIELDS


class TestReading(PartneroCalls):
    def test_it_shows_what_was_created(self, send, create):
        shown = create()
        response = send("GET", f"{MANY}/{shown['key']}")
        assert response.status_code == 200
        assert response.json() == {"data": shown, "status": 1}
        assert list(response.json()["data"]) == FIELDS

    def test_it_reads_one_with_two_selects_and_no_write(
        self, send, create, django_assert_num_queries
    ):
        one = f"{MANY}/{create()['key']}"
        send("GET", one)
        with django_assert_num_queries(2) as queries:
            assert send("GET", one).status_code == 200
        assert all(q["sql"].startswith("SELECT") for q in queries.captured_queries)

    def test_it_reads_a_page_with_two_selects(
        self, send, create, django_assert_num_queries
    ):
        for count in (1, 9):
            for _ in range(count):
                create()
            with django_assert_num_queries(2):
                send("GET", MANY)

    def test_it_ignores_a_body_where_none_is_taken(self, send, create):
        one = f"{MANY}/{create()['key']}"
        for body in (b"[]", b"", b"{broken"):
            assert send("GET", one, body).status_code == 200
        assert send("DELETE", one, b"[]").status_code == 200

    def test_it_names_the_methods_of_a_path(self, send, create):
        assert send("PATCH", MANY)["Allow"] == "GET, HEAD, POST"
        response = send("POST", f"{MANY}/any")
        assert response["Allow"] == "GET, HEAD, PUT, DELETE"
        assert response.json()["message"] == (
            "The POST method is not supported for route v1/webhooks/any. "
            "Supported methods: GET, HEAD, PUT, DELETE."
        )

    def test_it_tests_a_key(self, send, partner):
        for path in ("/v1/test", "/v1/test/"):
            response = send("GET", path)
            assert response.status_code == 200
            assert response.json() == {
                "data": {"id": str(partner.id), "name": partner.name},
                "status": 1,
            }
        assert send("GET", "/v1/test", key="x").status_code == 401

    def test_it_challenges_for_a_bearer_token(self, send):
        assert send("GET", MANY, key="x")["WWW-Authenticate"] == "Bearer"


class TestDeleting(PartneroCalls):
    def test_it_answers_its_status_alone_and_404_the_second_time(self, send, create):
        one = f"{MANY}/{create()['key']}"
        response = send("DELETE", one)
        assert (response.status_code, response.content) == (200, b'{"status":1}')
        for method in ("DELETE", "GET", "PUT"):
            assert send(method, one).status_code == 404


class TestListing(PartneroCalls):
    @pytest.fixture
    def dozen(self, partner):
        """Twelve webhooks, the newest first."""
        names: list[str] = []
        for n in range(12):
            with time_machine.travel(NOW + timedelta(seconds=n), tick=False):
                factories.subscription(partner, "partnero", name=f"Hook {n}")
            names.insert(0, f"Hook {n}")
        return names

    def names(self, response):
        assert response.status_code == 200, response.content
        return [each["name"] for each in response.json()["data"]]

    def test_it_answers_laravels_simple_page(self, send, create):
        shown = create()
        response = send("GET", MANY)
        assert (
            response.content
            == json.dumps(
                {
                    "data": [shown],
                    "links": {
                        "first": f"{HERE}?page=1",
                        "last": None,
                        "prev": None,
                        "next": None,
                    },
                    "meta": {
                        "current_page": 1,
                        "from": 1,
                        "path": HERE,
                        "per_page": 10,
                        "to": 1,
                    },
                    "status": 1,
                },
                separators=(",", ":"),
            ).encode()
        )

    def test_it_links_its_pages_with_their_size(self, send, dozen):
        response = send("GET", MANY + "/?page=1")
        assert self.names(response) == dozen[:10]
        body = response.json()
        assert body["links"] == {
            "first": f"{HERE}?page=1",
            "last": None,
            "prev": None,
            "next": f"{HERE}?limit=10&page=2",
        }
        response = send("GET", body["links"]["next"].removeprefix("http://testserver"))
        assert self.names(response) == dozen[10:]
        body = response.json()
        assert body["links"]["prev"] == f"{HERE}?limit=10&page=1"
        assert body["links"]["next"] is None
        assert body["meta"] == {
            "current_page": 2,
            "from": 11,
            "path": HERE,
            "per_page": 10,
            "to": 12,
        }

    def test_it_keeps_a_size_that_was_asked_for_in_every_link(self, send, dozen):
        links = send("GET", f"{MANY}?limit=11").json()["links"]
        assert links["first"] == f"{HERE}?limit=11&page=1"
        assert links["next"] == f"{HERE}?limit=11&page=2"

    def test_it_has_no_next_page_when_the_last_is_full(self, send, dozen):
        body = send("GET", f"{MANY}?limit=12").json()
        assert len(body["data"]) == 12
        assert body["links"]["next"] is None
        assert body["meta"]["to"] == 12

    def test_it_is_empty_past_the_end(self, send, dozen):
        body = send("GET", f"{MANY}?page=3").json()
        assert body["data"] == []
        assert body["links"]["next"] is None
        assert body["links"]["prev"] == f"{HERE}?limit=10&page=2"
        assert (body["meta"]["from"], body["meta"]["to"]) == (None, None)
        assert body["meta"]["current_page"] == 3

    @pytest.mark.parametrize(
        ("limit", "effective"),
        [("5", 10), ("0", 10), ("-3", 10), ("101", 100), ("100", 100), ("", 10)],
    )
    def test_it_moves_a_limit_into_range(self, send, dozen, limit, effective):
        """[D]"""
        body = send("GET", f"{MANY}?limit={limit}").json()
        assert body["meta"]["per_page"] == effective
        assert len(body["data"]) == min(effective, 12)

    @pytest.mark.parametrize("page", ["0", "-1", "x", "", "1.5", "9" * 30])
    def test_it_takes_a_bad_page_for_the_first(self, send, dozen, page):
        """[I] Laravel"""
        body = send("GET", f"{MANY}?page={page}").json()
        assert body["meta"]["current_page"] == 1

    @pytest.mark.parametrize("limit", ["ten", "1.5", "%D9%A1", "9" * 5000])
    def test_it_refuses_a_limit_that_is_no_integer(self, send, limit):
        response = send("GET", f"{MANY}?limit={limit}")
        assert response.status_code == 422
        assert response.json() == invalid(limit="The limit field must be an integer.")

    @pytest.mark.parametrize("limit", [True, [], {}, 10.5])
    def test_it_refuses_such_a_limit_in_a_body(self, send, limit):
        assert send("GET", MANY, {"limit": limit}).status_code == 422

    def test_it_reads_parameters_from_a_json_body_before_the_query(self, send, dozen):
        """The wire form of the vendor's PHP SDK."""
        body = send("GET", MANY, {"limit": 11, "page": 2}).json()
        assert (body["meta"]["per_page"], body["meta"]["current_page"]) == (11, 2)
        body = send("GET", f"{MANY}?limit=12&page=9", {"page": "2"}).json()
        assert (body["meta"]["per_page"], body["meta"]["current_page"]) == (12, 2)
        body = send("GET", f"{MANY}?limit=12", {"limit": None}).json()
        assert body["meta"]["per_page"] == 10

    @pytest.mark.parametrize("body", [b"[]", b"{}", b"", b"null"])
    def test_it_reads_the_query_where_the_body_says_nothing(self, send, dozen, body):
        assert send("GET", f"{MANY}?limit=11", body).json()["meta"]["per_page"] == 11

    def test_it_ignores_a_body_of_another_type(self, send, dozen):
        response = send(
            "GET", f"{MANY}?limit=11", b'{"limit": 12}', content_type="text/plain"
        )
        assert response.json()["meta"]["per_page"] == 11

    def test_it_refuses_a_body_that_is_no_json(self, send):
        assert send("GET", MANY, b"{broken").status_code == 400

    def test_it_lists_nobody_elses(self, send, dozen):
        _, stranger = factories.key(factories.partner())
        assert send("GET", MANY, key=stranger).json()["data"] == []
