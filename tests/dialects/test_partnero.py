"""Partnero: golden bodies, and every rule and decision of its page in docs/dialects."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from rest_framework.serializers import Serializer

from tests import factories
from tests.dialects.suite import Call, DialectSuite
from webhooks.dialects.partnero import serializers
from webhooks.dialects.partnero.wire import EVENTS
from webhooks.models import Subscription

MANY = "/v1/webhooks"
HERE = "http://testserver/v1/webhooks"
URL = "https://webhook.site/e68d154a-ad82-4ddd-9b05-622ec1577638"
DEMO = {"name": "Demo", "url": URL, "events": ["partner.created"]}
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
FIELDS = ["key", "name", "url", "is_active", "signature", "events"]
REQUIRED = {
    name: [f"The {name} field is required."] for name in ("name", "url", "events")
}


@pytest.fixture(autouse=True)
def _host(settings):
    settings.ALLOWED_HOSTS = ["testserver"]


def failure(message, **members):
    return {"message": message, **members, "status": 0}


def invalid(**errors):
    """The body of a 422 with one message a field, in the order given."""
    first, more = next(iter(errors.values())), len(errors) - 1
    ending = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
    return failure(first + ending, errors={k: [v] for k, v in errors.items()})


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


@pytest.fixture
def partner(db):
    return factories.partner()


@pytest.fixture
def send(client, partner):
    """Sends one request with the partner's key; a body goes as JSON."""
    _, own = factories.key(partner)

    def send(method, path, body=None, *, key=own, **options):
        headers = {"Authorization": f"Bearer {key}"}
        return Call(method, path, body, **options).send(client, headers)

    return send


@pytest.fixture
def create(send):
    def create(**fields):
        response = send("POST", MANY, {**DEMO, **fields})
        assert response.status_code == 200, response.content
        return response.json()["data"]

    return create


def stored(shown) -> Subscription:
    return Subscription.objects.get(public_id=shown["key"], dialect="partnero")


class TestCreating:
    def test_it_answers_200_with_the_whole_webhook_in_the_documented_order(self, send):
        response = send("POST", MANY, DEMO)
        assert response.status_code == 200
        shown = response.json()["data"]
        assert re.fullmatch("[A-Za-z0-9]{12}", shown["key"])
        assert re.fullmatch("[A-Za-z0-9]{16}", shown["signature"])
        assert (
            response.content
            == json.dumps(
                {
                    "data": {
                        "key": shown["key"],
                        "name": "Demo",
                        "url": URL,
                        "is_active": True,
                        "signature": shown["signature"],
                        "events": ["partner.created"],
                    },
                    "status": 1,
                },
                separators=(",", ":"),
            ).encode()
        )

    def test_it_has_one_media_type_without_a_charset(self, send, create):
        for method, path in (("GET", MANY), ("GET", f"{MANY}/{create()['key']}")):
            assert send(method, path)["Content-Type"] == "application/json"

    def test_it_takes_a_key_of_the_callers_own(self, send, create):
        shown = create(key="my-Webhook_1")
        assert shown["key"] == "my-Webhook_1"
        assert send("GET", f"{MANY}/my-Webhook_1").json()["data"] == shown
        assert create(key="k" * 64)["key"] == "k" * 64

    @pytest.mark.parametrize("blank", [None, "", "  "])
    def test_it_generates_a_key_that_is_left_blank(self, create, blank):
        assert re.fullmatch("[A-Za-z0-9]{12}", create(key=blank)["key"])

    def test_it_refuses_a_key_that_the_program_has(self, send, create):
        create(key="mine")
        response = send("POST", MANY, {**DEMO, "key": "mine"})
        assert response.status_code == 422
        assert response.json() == invalid(key="The key has already been taken.")

    def test_it_takes_a_key_that_another_program_has(self, send, create):
        create(key="mine")
        _, other = factories.key(factories.partner())
        response = send("POST", MANY, {**DEMO, "key": "mine"}, key=other)
        assert response.status_code == 200

    def test_it_takes_a_key_that_was_deleted(self, send, create):
        create(key="mine")
        send("DELETE", f"{MANY}/mine")
        assert create(key="mine")["key"] == "mine"

    @pytest.mark.parametrize("event", EVENTS)
    def test_it_takes_every_event_that_the_vendor_names_anywhere(self, create, event):
        assert create(events=[event])["events"] == [event]

    def test_it_echoes_events_as_given(self, create):
        events = ["customer.updated", "partner.created", "customer.updated"]
        assert create(events=events)["events"] == events

    @pytest.mark.parametrize(
        ("given", "shown"),
        [
            (True, True),
            (False, False),
            (1, True),
            (0, False),
            ("1", True),
            ("0", False),
        ],
    )
    def test_it_reads_is_active_as_laravel_does(self, create, given, shown):
        assert create(is_active=given)["is_active"] is shown

    def test_it_trims_what_it_is_given(self, create):
        shown = create(name="  Demo ", url=f" {URL} ")
        assert (shown["name"], shown["url"]) == ("Demo", URL)

    def test_it_keeps_fields_it_has_no_meaning_for_and_shows_none(self, create):
        shown = create(colour="green", signature="x" * 16)
        assert list(shown) == FIELDS
        assert stored(shown).extras == {"colour": "green"}
        assert shown["signature"] != "x" * 16

    @pytest.mark.parametrize("body", [{}, None, {"name": "", "url": " ", "events": []}])
    def test_it_names_all_that_is_missing(self, send, body):
        response = send("POST", MANY, body)
        assert response.status_code == 422
        assert (
            response.content
            == json.dumps(
                {
                    "message": "The name field is required. (and 2 more errors)",
                    "errors": REQUIRED,
                    "status": 0,
                },
                separators=(",", ":"),
            ).encode()
        )

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("name", None, "The name field is required."),
            ("name", 5, "The name field must be a string."),
            ("name", ["Demo"], "The name field must be a string."),
            (
                "name",
                "n" * 256,
                "The name field must not be greater than 255 characters.",
            ),
            ("url", None, "The url field is required."),
            ("url", "nope", "The url field must be a valid URL."),
            ("url", "https://", "The url field must be a valid URL."),
            ("url", 5, "The url field must be a valid URL."),
            ("url", {}, "The url field must be a valid URL."),
            ("is_active", None, "The is active field must be true or false."),
            ("is_active", "true", "The is active field must be true or false."),
            ("is_active", "True", "The is active field must be true or false."),
            ("is_active", 2, "The is active field must be true or false."),
            ("is_active", 1.0, "The is active field must be true or false."),
            ("is_active", [], "The is active field must be true or false."),
            ("events", None, "The events field is required."),
            (
                "events",
                "partner.created",
                "The events field must be an array.",
            ),
            ("events", {"0": "x"}, "The events field must be an array."),
            ("key", 5, "The key field must be a string."),
            ("key", "a b", "The key field format is invalid."),
            ("key", "a/b", "The key field format is invalid."),
            ("key", "é", "The key field format is invalid."),
            (
                "key",
                "k" * 65,
                "The key field must not be greater than 64 characters.",
            ),
        ],
    )
    def test_it_says_what_is_invalid(self, send, field, value, message):
        response = send("POST", MANY, {**DEMO, field: value})
        assert response.status_code == 422
        assert response.json() == invalid(**{field: message})

    def test_it_names_the_events_it_does_not_have(self, send):
        # The vendor's own Python README has the first; its API refuses it, too.
        events = ["order_placed", "partner.created", 5, None, ["partner.created"]]
        response = send("POST", MANY, {**DEMO, "events": events})
        assert response.status_code == 422
        body = response.json()
        assert body["errors"] == {
            f"events.{n}": [f"The selected events.{n} is invalid."]
            for n in (0, 2, 3, 4)
        }
        assert body["message"] == (
            "The selected events.0 is invalid. (and 3 more errors)"
        )

    def test_it_counts_one_more_error_in_the_singular(self, send):
        response = send("POST", MANY, {**DEMO, "name": 5, "url": "nope"})
        assert response.json() == invalid(
            name="The name field must be a string.",
            url="The url field must be a valid URL.",
        )
        assert response.json()["message"].endswith(" (and 1 more error)")

    @pytest.mark.parametrize(
        "url",
        [
            "http://receiver.example.com/hook",
            "ftp://receiver.example.com/hook",
            "https://169.254.169.254/latest",
            "https://10.0.0.1/hook",
        ],
    )
    def test_it_refuses_urls_that_no_delivery_may_call(self, send, url):
        response = send("POST", MANY, {**DEMO, "url": url})
        assert response.status_code == 422
        (message,) = response.json()["errors"]["url"]
        assert message.startswith("The ")
        assert message != "The url field must be a valid URL."


class TestDescribing:
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


class TestUpdating:
    def test_it_shows_what_the_portal_disabled_as_inactive(self, send, create):
        path = f"{MANY}/{create()['key']}"
        Subscription.objects.update(disabled_at=timezone.now(), disabled_reason="410")
        assert send("GET", path).json()["data"]["is_active"] is False
        change = {"is_active": True}
        assert send("PUT", path, change).json()["data"]["is_active"] is True
        assert Subscription.objects.get().disabled_at is None

    @pytest.mark.parametrize(
        "change",
        [
            {"name": "Demo 2"},
            {"url": "https://webhook.site/2"},
            {"is_active": False},
            {"events": ["lead.submitted", "lead.converted"]},
            {"name": "Demo 2", "is_active": "0", "url": "https://webhook.site/2"},
        ],
    )
    def test_it_changes_what_is_given_and_nothing_else(self, send, create, change):
        before = create()
        response = send("PUT", f"{MANY}/{before['key']}", change)
        assert response.status_code == 200
        shown = {name: change.get(name, before[name]) for name in FIELDS}
        shown["is_active"] = shown["is_active"] is True
        assert response.json() == {"data": shown, "status": 1}
        assert send("GET", f"{MANY}/{before['key']}").json() == response.json()

    def test_it_takes_nothing_for_no_change(self, send, create):
        before = create()
        bodies: list[object] = [{}, None]
        for body in bodies:
            response = send("PUT", f"{MANY}/{before['key']}", body)
            assert response.status_code == 200
            assert response.json() == {"data": before, "status": 1}

    def test_it_takes_back_what_it_showed(self, send, create):
        before = create()
        sent = {**before, "key": "other", "signature": "x" * 16, "colour": 1}
        response = send("PUT", f"{MANY}/{before['key']}", sent)
        assert response.json()["data"] == before
        send("PUT", f"{MANY}/{before['key']}", {"size": 2})
        assert stored(before).extras == {"colour": 1, "size": 2}

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("name", None, "The name field is required."),
            ("name", "", "The name field is required."),
            ("url", None, "The url field is required."),
            ("url", "nope", "The url field must be a valid URL."),
            ("is_active", None, "The is active field must be true or false."),
            ("events", None, "The events field is required."),
            ("events", [], "The events field is required."),
        ],
    )
    def test_it_refuses_what_is_present_and_empty(
        self, send, create, field, value, message
    ):
        one = f"{MANY}/{create()['key']}"
        response = send("PUT", one, {field: value})
        assert response.status_code == 422
        assert response.json() == invalid(**{field: message})

    def test_it_takes_a_form(self, send, create):
        one = f"{MANY}/{create()['key']}"
        form = b"name=Mine&is_active=0&events[]=partner.created&events[]=lead.submitted"
        response = send(
            "PUT", one, form, content_type="application/x-www-form-urlencoded"
        )
        assert response.status_code == 200, response.content
        data = response.json()["data"]
        assert (data["name"], data["is_active"]) == ("Mine", False)
        assert data["events"] == ["partner.created", "lead.submitted"]

    def test_it_looks_before_it_validates_and_reads_before_it_looks(self, send):
        nul = b'{"name": "\\u0000"}'
        assert send("PUT", f"{MANY}/nothing", nul).status_code == 404
        assert send("PUT", f"{MANY}/none", {"name": None}).status_code == 404
        assert send("PUT", f"{MANY}/none", b"{").status_code == 400

    def test_it_refuses_another_media_type_instead_of_changing_nothing(
        self, send, create
    ):
        """[D]"""
        one = f"{MANY}/{create()['key']}"
        response = send("PUT", one, b"name=x", content_type="text/plain")
        assert response.status_code == 422
        assert response.json() == invalid(
            body="The request body must be sent as application/json."
        )


class TestReading:
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


class TestDeleting:
    def test_it_answers_its_status_alone_and_404_the_second_time(self, send, create):
        one = f"{MANY}/{create()['key']}"
        response = send("DELETE", one)
        assert (response.status_code, response.content) == (200, b'{"status":1}')
        for method in ("DELETE", "GET", "PUT"):
            assert send(method, one).status_code == 404


class TestListing:
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
