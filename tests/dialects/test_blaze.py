"""BLAZE: golden bodies, and every rule and decision of its page in docs/dialects."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests import factories
from tests.clock import at
from tests.dialects.suite import Call, DialectSuite
from webhooks.dialects.blaze import serializers
from webhooks.models import Subscription
from webhooks.operations import keys, subscriptions
from webhooks.operations.audit import SYSTEM

MANY = "/api/v1/partner/webHooks"
URL = "https://receiver.example.com/hook"
OTHER = "https://receiver.example.com/other"
NOW = datetime(2026, 11, 21, 2, 0, 0, 123456, tzinfo=UTC)
NOW_MS = 1795226400123
FIELDS = [
    "id",
    "companyId",
    "shopId",
    "created",
    "modified",
    "deleted",
    "updated",
    "url",
    "webHookType",
    "webHookUrls",
]


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


@pytest.fixture
def partner(db):
    return factories.partner()


@pytest.fixture
def key(partner):
    return factories.key(partner)[1]


@pytest.fixture
def send(client, key):
    """Sends one request with the partner's key; a body goes as JSON."""

    def send(method, path, body=None, *, key=key, **options):
        headers = {"x-api-key": key} if key else {}
        headers |= options.pop("headers", {})
        return Call(method, path, body, **options).send(client, headers)

    return send


@pytest.fixture
def create(send):
    def create(**fields):
        response = send("POST", MANY, {"webHookUrls": [URL], **fields})
        assert response.status_code == 200, response.content
        return response.json()

    return create


def stored(shown) -> Subscription:
    return Subscription.objects.get(public_id=shown["id"])


def refused(response):
    """The body of a 400, whose fixed members are checked."""
    assert response.status_code == 400, response.content
    body = response.json()
    assert list(body) == ["error", "message", "status", "field"]
    assert (body["error"], body["status"]) == ("Invalid argument", 400)
    return body


class TestCreating:
    @time_machine.travel(NOW, tick=False)
    def test_it_answers_the_whole_registration_in_the_documented_order(
        self, send, partner
    ):
        response = send(
            "POST",
            MANY,
            {
                "url": URL,
                "shopId": "shop-1",
                "webHookType": "NEW_CONSUMER_SIGNUP",
                "webHookUrls": [OTHER, URL],
            },
        )
        id = response.json()["id"]
        assert response.status_code == 200
        assert (
            response.content
            == json.dumps(
                {
                    "id": id,
                    "companyId": str(partner.id),
                    "shopId": "shop-1",
                    "created": NOW_MS,
                    "modified": NOW_MS,
                    "deleted": False,
                    "updated": False,
                    "url": URL,
                    "webHookType": "NEW_CONSUMER_SIGNUP",
                    "webHookUrls": [OTHER, URL],
                },
                separators=(",", ":"),
            ).encode()
        )
        assert list(response.json()) == FIELDS

    @time_machine.travel(NOW, tick=False)
    def test_it_gives_ids_of_mongodbs_form(self, create):
        one, two = create()["id"], create()["id"]
        assert one != two
        for id in (one, two):
            assert len(id) == 24
            assert int(id[:8], 16) == int(NOW.timestamp())
            assert set(id) <= set("0123456789abcdef")

    def test_it_serves_a_client_that_knows_the_seed_alone(self, create):
        shown = create()
        assert [name for name in FIELDS if name in shown] == list(shown)
        assert "url" not in shown
        assert "shopId" not in shown
        assert "webHookType" not in shown
        assert shown["webHookUrls"] == [URL]
        assert stored(shown).events is None

    def test_it_takes_null_for_absent_as_jackson_does(self, create):
        shown = create(url=None, shopId=None, webHookType=None)
        assert not {"url", "shopId", "webHookType"} & shown.keys()

    @pytest.mark.parametrize("type", serializers.TYPES)
    def test_it_takes_each_documented_type(self, create, type):
        shown = create(webHookType=type)
        assert shown["webHookType"] == type
        assert stored(shown).events == [type]

    def test_it_knows_eleven_types(self):
        assert len(serializers.TYPES) == 11

    def test_it_delivers_to_the_union_of_both_fields_once_each(self, create):
        shown = create(url=URL, webHookUrls=[OTHER, URL, OTHER])
        assert shown["webHookUrls"] == [OTHER, URL, OTHER]
        assert stored(shown).urls == [URL, OTHER]

    def test_it_takes_the_doubled_path_of_the_pages_heading(self, send):
        for slash in ("", "/"):
            path = MANY + MANY + slash
            response = send("POST", path, {"webHookUrls": [URL]})
            assert response.status_code == 200
            one = f"{MANY}{MANY}/{response.json()['id']}{slash}"
            assert send("GET", one).json() == response.json()

    def test_it_matches_paths_by_case(self, send):
        assert send("GET", MANY.replace("webHooks", "webhooks")).status_code == 404

    def test_it_keeps_fields_it_has_no_meaning_for_and_shows_none(self, create):
        shown = create(dirty=True, id="x" * 24, colour="green", deleted=True)
        assert stored(shown).extras["colour"] == "green"
        assert "dirty" not in stored(shown).extras
        assert shown["id"] != "x" * 24
        assert set(shown) <= set(FIELDS)

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            ({}, "webHookUrls", "webHookUrls is required"),
            ({"webHookUrls": None}, "webHookUrls", "webHookUrls is required"),
            ({"webHookUrls": []}, "webHookUrls", "webHookUrls must not be empty"),
            (
                {"webHookUrls": URL},
                "webHookUrls",
                "webHookUrls must be an array of URLs",
            ),
            (
                {"webHookUrls": {"0": URL}},
                "webHookUrls",
                "webHookUrls must be an array of URLs",
            ),
            (
                {"webHookUrls": [URL, 5]},
                "webHookUrls",
                "webHookUrls[1] must be a string",
            ),
            (
                {"webHookUrls": [None]},
                "webHookUrls",
                "webHookUrls[0] must not be null",
            ),
            (
                {"webHookUrls": ["nope"]},
                "webHookUrls",
                "webHookUrls[0] must be a URL that begins with http:// or https://",
            ),
            (
                {"webHookUrls": [URL], "url": ""},
                "url",
                "url must be a URL that begins with http:// or https://",
            ),
            (
                {"webHookUrls": [URL], "url": "ftp://receiver.example.com"},
                "url",
                "url must be a URL that begins with http:// or https://",
            ),
            ({"webHookUrls": [URL], "url": 1}, "url", "url must be a string"),
            ({"webHookUrls": [URL], "shopId": 7}, "shopId", "shopId must be a string"),
            (
                {"webHookUrls": [URL], "shopId": ""},
                "shopId",
                "shopId must not be empty",
            ),
            (
                {"webHookUrls": [URL], "shopId": "x" * 256},
                "shopId",
                "shopId must not be longer than 255 characters",
            ),
            (
                {"webHookUrls": [URL], "url": f"{URL}/{'x' * 2048}"},
                "url",
                "url is refused: The URL is longer than 2048 characters.",
            ),
            (
                # In an overview of the vendor and in no enum of its: never on the wire.
                {"webHookUrls": [URL], "webHookType": "TRANSACTION_UPDATE"},
                "webHookType",
                f"webHookType must be one of {', '.join(serializers.TYPES)}",
            ),
            (
                {"webHookUrls": [URL], "webHookType": ["NEW_MEMBER"]},
                "webHookType",
                f"webHookType must be one of {', '.join(serializers.TYPES)}",
            ),
            (
                {"webHookUrls": [f"{URL}/{n}" for n in range(20)], "url": URL},
                "webHookUrls",
                "webHookUrls and url may name at most 20 URLs",
            ),
        ],
    )
    def test_it_says_which_argument_is_invalid(self, send, body, field, message):
        error = refused(send("POST", MANY, body))
        assert (error["message"], error["field"]) == (message, field)

    def test_it_refuses_overlong_shops(self, send):
        error = refused(send("POST", MANY, {"webHookUrls": [URL], "shopId": "s" * 256}))
        assert error["field"] == "shopId"

    @pytest.mark.parametrize(
        "url",
        [
            "http://receiver.example.com/hook",
            "https://169.254.169.254/latest",
            "https://10.0.0.1/hook",
            "https://user:password@receiver.example.com",
        ],
    )
    def test_it_refuses_urls_that_no_delivery_may_call(self, send, url):
        error = refused(send("POST", MANY, {"webHookUrls": [url]}))
        assert error["message"].startswith("webHookUrls[0] is refused: The ")


class TestDescribing:
    def test_it_declares_what_it_answers(self, send, create):
        """The description is made of these; the answers are built beside them."""
        create(url=URL, shopId="s", webHookType="NEW_MEMBER")
        page = send("GET", MANY).json()
        declared = serializers.SearchResultPartnerWebHook().fields
        assert list(declared) == list(page)
        assert list(serializers.PartnerWebHook().fields) == list(page["values"][0])


class TestUpdating:
    @pytest.fixture
    def one(self, create):
        with time_machine.travel(NOW, tick=False):
            return create(
                url=OTHER,
                shopId="shop-1",
                webHookType="NEW_MEMBER",
                webHookUrls=[URL],
            )

    def put(self, send, one, body):
        with time_machine.travel(NOW + timedelta(seconds=1), tick=False):
            response = send("PUT", f"{MANY}/{one['id']}", body)
        assert response.status_code == 200, response.content
        return response.json()

    def test_it_replaces_what_the_caller_owns(self, send, one):
        body = {"url": URL, "webHookType": "UPDATE_PRODUCT", "webHookUrls": [OTHER]}
        assert self.put(send, one, body) == {
            **one,
            **body,
            "modified": NOW_MS + 1000,
            "updated": True,
        }

    def test_it_takes_back_what_it_showed(self, send, one):
        shown = self.put(send, one, {**one, "dirty": False})
        assert shown == {**one, "modified": NOW_MS + 1000, "updated": True}
        assert list(shown) == FIELDS

    @pytest.mark.parametrize("left_out", [{}, {"webHookUrls": None, "shopId": None}])
    def test_it_clears_what_is_absent_but_shop_and_list(self, send, one, left_out):
        shown = self.put(send, one, left_out)
        assert "url" not in shown
        assert "webHookType" not in shown
        assert shown["shopId"] == "shop-1"
        assert shown["webHookUrls"] == [URL]
        assert stored(shown).urls == [URL]

    def test_it_clears_the_list_when_told_to(self, send, one):
        shown = self.put(send, one, {"webHookUrls": []})
        assert shown["webHookUrls"] == []
        assert stored(shown).urls == []

    def test_it_refuses_a_replacement_without_a_body(self, send, create):
        """It would widen the hook to every type."""
        made = create(webHookType="NEW_MEMBER")
        response = send("PUT", f"{MANY}/{made['id']}", b"")
        assert response.status_code == 400
        assert response.json()["message"] == "Unable to process JSON"
        assert send("GET", f"{MANY}/{made['id']}").json() == made

    def test_it_ignores_what_the_server_owns(self, send, one):
        ours = {
            "id": "f" * 24,
            "companyId": "other",
            "created": 1,
            "modified": "x",
            "deleted": True,
            "updated": False,
            "dirty": [],
        }
        shown = self.put(send, one, {**one, **ours})
        assert shown == {**one, "modified": NOW_MS + 1000, "updated": True}
        assert send("GET", f"{MANY}/{'f' * 24}").status_code == 404

    def test_it_validates_before_it_looks(self, send):
        refused(send("PUT", f"{MANY}/{'f' * 24}", {"webHookUrls": [5]}))

    def test_it_answers_an_unknown_id_of_any_form(self, send):
        for id in ("abc123", "x", "é", "%20", "0" * 300):
            for method in ("GET", "DELETE"):
                assert send(method, f"{MANY}/{id}").status_code == 404
            response = send("PUT", f"{MANY}/{id}", {"webHookUrls": [URL]})
            assert response.status_code == 404


class TestReading:
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


class TestDeleting:
    def test_it_answers_200_with_no_body_and_404_the_second_time(self, send, create):
        one = f"{MANY}/{create()['id']}"
        response = send("DELETE", one)
        assert (response.status_code, response.content) == (200, b"")
        assert send("DELETE", one).status_code == 404
        assert send("GET", one).status_code == 404
        assert send("PUT", one, {"webHookUrls": [URL]}).status_code == 404
        assert send("GET", MANY).json()["total"] == 0


class TestListing:
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


class TestKeys:
    """[D] What the two headers hold."""

    def ask(self, client, **headers):
        return client.get(
            MANY, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )

    @pytest.mark.parametrize(
        "headers",
        [
            {"x_api_key": "{}"},
            {"partner_key": "{}"},
            {"authorization": "{}"},
            {"authorization": "Bearer {}"},
            {"authorization": "bearer {}"},
            {"x_api_key": "{}", "authorization": "{}"},
            {"partner_key": " {} ", "authorization": "Bearer {}"},
            {"x_api_key": "", "partner_key": "{}", "authorization": ""},
        ],
    )
    def test_it_takes_the_key_in_either_header_or_both(self, client, key, headers):
        sent = {name: text.format(key) for name, text in headers.items()}
        assert self.ask(client, **sent).status_code == 200

    def test_it_takes_two_keys_of_one_partner(self, client, partner, key):
        _, other = factories.key(partner)
        assert self.ask(client, x_api_key=key, authorization=other).status_code == 200

    def test_it_refuses_two_keys_of_two_partners(self, client, key):
        _, stranger = factories.key(factories.partner())
        response = self.ask(client, x_api_key=key, authorization=stranger)
        assert response.status_code == 401
        assert response.json()["message"] == "Invalid developer key"

    @pytest.mark.parametrize("text", ["junk", "Basic dXNlcjpwYXNz", "Bearer x"])
    def test_it_names_the_header_that_holds_no_key(self, client, key, text):
        for headers in ({"x_api_key": key}, {}):
            response = self.ask(client, authorization=text, **headers)
            assert response.status_code == 401
            assert response.json() == {
                "error": "Unauthorized",
                "message": "Invalid developer key",
                "status": 401,
            }
            assert response["WWW-Authenticate"] == "Bearer"
        response = self.ask(client, x_api_key="junk", authorization=key)
        assert response.json()["message"] == "Invalid partner key"

    def test_it_refuses_a_revoked_developer_key(self, client, partner, key):
        other, text = factories.key(partner)
        at(NOW, keys.revoke, by=SYSTEM, key=other)
        response = self.ask(client, x_api_key=key, authorization=text)
        assert response.json()["message"] == "Invalid developer key"

    def test_it_takes_rights_from_the_developer_key(self, client, partner, key):
        _, reader = factories.key(partner, scopes=[keys.READ])
        headers = {"x-api-key": key, "authorization": reader}
        call = Call("POST", MANY, {"webHookUrls": [URL]})
        assert call.send(client, headers).status_code == 403


class TestShops:
    """[D] A key that is bound to shops."""

    @pytest.fixture
    def bound(self, partner):
        return factories.key(partner, scopes=["shop:north", "shop:south"])[1]

    def test_it_uses_the_keys_first_shop_where_none_is_given(self, send, bound):
        shown = send("POST", MANY, {"webHookUrls": [URL]}, key=bound).json()
        assert shown["shopId"] == "north"

    def test_it_takes_a_shop_of_the_key_and_no_other(self, send, bound):
        body = {"webHookUrls": [URL], "shopId": "south"}
        shown = send("POST", MANY, body, key=bound).json()
        assert shown["shopId"] == "south"
        one = f"{MANY}/{shown['id']}"
        for method, path in (("POST", MANY), ("PUT", one)):
            error = refused(send(method, path, {**body, "shopId": "east"}, key=bound))
            assert error["message"] == "shopId is not a shop of this key"
        body["shopId"] = "north"
        assert send("PUT", one, body, key=bound).json()["shopId"] == "north"

    def test_it_sees_the_registrations_of_its_shops_alone(self, send, create, bound):
        mine = create(shopId="north")
        others = [create(shopId="east"), create()]
        assert send("GET", MANY, key=bound).json()["values"] == [mine]
        for other in others:
            one = f"{MANY}/{other['id']}"
            for method, body in (
                ("GET", None),
                ("PUT", {"webHookUrls": [URL]}),
                ("DELETE", None),
            ):
                assert send(method, one, body, key=bound).status_code == 404

    def test_it_echoes_any_shop_of_a_key_without_one(self, create):
        assert create(shopId="anything at all")["shopId"] == "anything at all"
