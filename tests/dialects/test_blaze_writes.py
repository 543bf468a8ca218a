"""BLAZE: what is created and replaced, and what is refused."""

import json
from datetime import timedelta

import pytest
import time_machine

from webhooks.dialects.blaze import serializers

from .blaze_calls import (
    FIELDS,
    MANY,
    NOW,
    NOW_MS,
    OTHER,
    URL,
    BlazeCalls,
    refused,
    stored,
)


class TestCreating(BlazeCalls):
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


class TestUpdating(BlazeCalls):
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
