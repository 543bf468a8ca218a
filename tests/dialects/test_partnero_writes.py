"""Partnero: what is created and changed, and what is refused."""

import json
import re

import pytest
from django.utils import timezone

from tests import factories
from webhooks.dialects.partnero.wire import EVENTS
from webhooks.models import Subscription

from .partnero_calls import (
    DEMO,
    FIELDS,
    MANY,
    REQUIRED,
    URL,
    PartneroCalls,
    invalid,
    stored,
)


class TestCreating(PartneroCalls):
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


class TestUpdating(PartneroCalls):
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
