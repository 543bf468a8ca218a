"""BLAZE: golden bodies, and every rule and decision of its page in docs/dialects."""

from datetime import timedelta

import pytest
import time_machine

from tests import factories
from tests.dialects.calls import Call
from tests.dialects.suite import DialectSuite
from webhooks.dialects.blaze import serializers
from webhooks.operations import subscriptions
from webhooks.operations.audit import SYSTEM

from .blaze_calls import FIELDS, MANY, NOW, OTHER, URL, BlazeCalls, refused, stored


def refusal(status: int, error: str, message: str) -> tuple[int, dict[str, object]]:
    return status, {"error": error, "message": message, "status": status}


class TestBlaze(DialectSuite):
    slug = "blaze"
    content_type = "application/json"
    prefix = "/api/v1/partner"

    def headers(self, key):
        return {"x-api-key": key}

    def write(self, partner, key):
        made = factories.subscription(partner, "blaze", public_id="a" * 24)
        body = {
            "url": URL,
            "shopId": "shop-1",
            "webHookType": "NEW_MEMBER",
            "webHookUrls": [URL, OTHER],
        }
        return Call("PUT", f"{MANY}/{made.public_id}", body)

    def foreign(self, owner, owner_key, stranger_key):
        one = f"{MANY}/{'a' * 24}"
        return [
            Call("GET", one),
            Call("PUT", one, {"webHookUrls": [OTHER]}),
            Call("DELETE", one),
        ]

    def unknown(self, partner, key):
        return Call("GET", f"{MANY}/{'b' * 24}")

    def refused_value(self, name, reason):
        status, body = refusal(400, "Invalid argument", f"{name} {reason}")
        return status, {**body, "field": name.partition(".")[0]}

    def error(self, kind):
        bad_request = refusal(400, "Bad Request", "Unable to process JSON")
        unauthorized = refusal(401, "Unauthorized", "Invalid partner key")
        return {
            "key_missing": unauthorized,
            "key_malformed": unauthorized,
            "key_invalid": unauthorized,
            "partner_inactive": refusal(403, "Forbidden", "The partner is inactive"),
            "forbidden": refusal(403, "Forbidden", "The key lacks the permission"),
            "not_found": refusal(404, "Not Found", "Partner webhook not found"),
            "no_route": refusal(404, "Not Found", "HTTP 404 Not Found"),
            "method_not_allowed": refusal(
                405, "Method Not Allowed", "HTTP 405 Method Not Allowed"
            ),
            "malformed_json": bad_request,
            "not_an_object": bad_request,
            "wrong_media_type": refusal(
                415, "Unsupported Media Type", "HTTP 415 Unsupported Media Type"
            ),
            "too_large": refusal(
                413,
                "Request Entity Too Large",
                "The body is longer than 1048576 bytes",
            ),
            "throttled": (429, self.assert_throttled),
            "bad_request": refusal(400, "Bad Request", "HTTP 400 Bad Request"),
            "internal": refusal(
                500,
                "Internal Server Error",
                "There was an error processing your request",
            ),
            "unavailable": refusal(
                503, "Service Unavailable", "HTTP 503 Service Unavailable"
            ),
        }[kind]

    def test_it_refuses_a_query_of_too_many_parameters(self):
        response = self.send(Call("GET", f"{MANY}?{'a&' * 1001}"))
        self.assert_error(response, "bad_request")

    def assert_throttled(self, body):
        assert body["error"] == "Too Many Requests"
        assert body["message"].startswith("Rate limit exceeded; retry in ")
        assert body["status"] == 429


class TestDescribing(BlazeCalls):
    def test_it_declares_what_it_answers(self, send, create):
        """The description is made of these; the answers are built beside them."""
        create(url=URL, shopId="s", webHookType="NEW_MEMBER")
        page = send("GET", MANY).json()
        declared = serializers.SearchResultPartnerWebHook().fields
        assert list(declared) == list(page)
        assert list(serializers.PartnerWebHook().fields) == list(page["values"][0])


class TestReading(BlazeCalls):
    def test_it_shows_what_was_created(self, send, create):
        shown = create(url=OTHER, shopId="s", webHookType="NEW_MEMBER")
        response = send("GET", f"{MANY}/{shown['id']}")
        assert response.status_code == 200
        assert response.json() == shown
        assert list(response.json()) == FIELDS

    def test_it_reads_one_with_two_selects_and_no_write(
        self, send, create, django_assert_num_queries
    ):
        shown = create()
        send("GET", f"{MANY}/{shown['id']}")
        with django_assert_num_queries(2) as queries:
            assert send("GET", f"{MANY}/{shown['id']}").status_code == 200
        assert all(q["sql"].startswith("SELECT") for q in queries.captured_queries)

    def test_it_reads_any_number_with_three_selects(
        self, send, create, django_assert_num_queries
    ):
        for count in (1, 10):
            for _ in range(count):
                create(url=OTHER)
            with django_assert_num_queries(3):
                send("GET", MANY)

    def test_it_shows_the_urls_that_staff_changed(self, send, create):
        shown = create(url=OTHER)
        subscriptions.update(
            by=SYSTEM, subscription=stored(shown), change={"urls": [f"{URL}/new"]}
        )
        found = send("GET", f"{MANY}/{shown['id']}").json()
        assert "url" not in found
        assert found["webHookUrls"] == [f"{URL}/new"]

    def test_it_answers_head_as_get_without_a_body(self, send, create):
        response = send("HEAD", f"{MANY}/{create()['id']}")
        assert response.status_code == 200
        assert response.content == b""

    def test_it_ignores_a_body_where_none_is_taken(self, send, create):
        for body in (b"[]", b"", b"{broken"):
            assert send("GET", MANY, body).status_code == 200
            one = f"{MANY}/{create()['id']}"
            assert send("GET", one, body).status_code == 200
            assert send("DELETE", one, body).status_code == 200

    def test_it_names_the_methods_of_a_path(self, send, create):
        assert send("PATCH", MANY)["Allow"] == "GET, HEAD, POST"
        one = send("POST", f"{MANY}/{create()['id']}")
        assert one["Allow"] == "GET, HEAD, PUT, DELETE"


class TestDeleting(BlazeCalls):
    def test_it_answers_200_with_no_body_and_404_the_second_time(self, send, create):
        one = f"{MANY}/{create()['id']}"
        response = send("DELETE", one)
        assert (response.status_code, response.content) == (200, b"")
        assert send("DELETE", one).status_code == 404
        assert send("GET", one).status_code == 404
        assert send("PUT", one, {"webHookUrls": [URL]}).status_code == 404
        assert send("GET", MANY).json()["total"] == 0


class TestListing(BlazeCalls):
    @pytest.fixture
    def five(self, create):
        made = []
        for n in range(5):
            with time_machine.travel(NOW + timedelta(seconds=n), tick=False):
                made.append(
                    create(
                        shopId=f"shop-{n % 2}",
                        **({"webHookType": "NEW_MEMBER"} if n < 3 else {}),
                    )
                )
        return made

    def test_it_answers_both_published_envelopes_at_once(self, send, five):
        response = send("GET", MANY)
        assert response.status_code == 200
        body = response.json()
        assert list(body) == [
            "values",
            "skip",
            "limit",
            "total",
            "count",
            "searchResult",
        ]
        assert body == {
            "values": five,
            "skip": 0,
            "limit": 100,
            "total": 5,
            "count": 5,
            "searchResult": five,
        }

    def test_it_is_empty_for_whom_has_none(self, send, key):
        assert send("GET", MANY).json() == {
            "values": [],
            "skip": 0,
            "limit": 100,
            "total": 0,
            "count": 0,
            "searchResult": [],
        }

    @pytest.mark.parametrize("name", ["start", "skip"])
    def test_it_pages(self, send, five, name):
        body = send("GET", f"{MANY}?{name}=1&limit=2").json()
        assert body["values"] == five[1:3]
        assert (body["skip"], body["limit"]) == (1, 2)
        assert (body["total"], body["count"]) == (5, 2)

    def test_it_pages_past_the_end(self, send, five):
        body = send("GET", f"{MANY}?start=999999999999999999").json()
        assert (body["values"], body["total"], body["count"]) == ([], 5, 0)

    @pytest.mark.parametrize(
        ("asked", "skip", "limit"),
        [
            ("limit=0", 0, 1),
            ("limit=-5", 0, 1),
            ("limit=101", 0, 100),
            ("limit=100", 0, 100),
            ("start=-1", 0, 100),
            ("start=2&skip=4", 2, 100),
            ("start=&limit=&type=&shopId=", 0, 100),
        ],
    )
    def test_it_moves_paging_into_range(self, send, five, asked, skip, limit):
        body = send("GET", f"{MANY}?{asked}").json()
        assert (body["skip"], body["limit"], body["total"]) == (skip, limit, 5)

    def test_it_names_a_parameter_that_holds_nul(self, send):
        body = refused(send("GET", f"{MANY}?shopId=%00"))
        assert body["message"] == "shopId must not contain the character U+0000"
        assert body["field"] == "shopId"

    def test_it_filters_by_type_and_shop(self, send, five):
        def ids(query):
            return [
                each["id"] for each in send("GET", f"{MANY}?{query}").json()["values"]
            ]

        assert ids("type=NEW_MEMBER") == [each["id"] for each in five[:3]]
        assert ids("shopId=shop-1") == [five[1]["id"], five[3]["id"]]
        assert ids("type=NEW_MEMBER&shopId=shop-1") == [five[1]["id"]]
        assert ids("type=UPDATE_PRODUCT") == []
        assert ids("shopId=none") == []

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("limit=ten", "limit must be an integer"),
            ("limit=1.5", "limit must be an integer"),
            ("start=1_0", "start must be an integer"),
            ("start=" + "9" * 5000, "start must be an integer"),
            ("skip=%D9%A1", "skip must be an integer"),
            ("type=new_member", f"type must be one of {', '.join(serializers.TYPES)}"),
        ],
    )
    def test_it_refuses_what_it_cannot_read(self, send, query, message):
        error = refused(send("GET", f"{MANY}?{query}"))
        assert error["message"] == message
        assert error["field"] == query.partition("=")[0]

    def test_it_refuses_what_no_database_could_compare(self, send):
        assert refused(send("GET", f"{MANY}?shopId=%00"))["field"] == "shopId"

    def test_it_lists_nobody_elses(self, send, five):
        _, stranger = factories.key(factories.partner())
        assert send("GET", MANY, key=stranger).json()["total"] == 0
