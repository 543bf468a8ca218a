"""BLAZE: its two keys, and the shops that a key is bound to."""

import pytest

from tests import factories
from tests.clock import at
from tests.dialects.calls import Call
from webhooks.operations import keys
from webhooks.operations.audit import SYSTEM

from .blaze_calls import MANY, NOW, URL, BlazeCalls, refused


class TestKeys(BlazeCalls):
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


class TestShops(BlazeCalls):
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
