"""What every dialect owes its callers, written once.

A vendor's test module subclasses `DialectSuite`, says how its requests and errors look,
and inherits a test for each thing that can be wrong with a request, and the property
that nothing at all makes it answer with a 500 or in another shape than its own.
"""

import gzip
import json
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tests import factories
from tests.examples import examples
from webhooks.models import ApiKey, AuditEntry, Subscription
from webhooks.operations import keys, partners, subscriptions
from webhooks.operations.audit import SYSTEM

from .calls import FORM, Call, DialectCalls

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=10,
)
# A value that no dialect takes, where in its field it stands, and what is told of it.
NUL = "must not contain the character U+0000"
TOO_DEEP = "must not be nested more than 64 levels deep"
REFUSED_VALUES = [
    ("https://example.com/\0", (), NUL),
    (["a", "\0"], (1,), NUL),
    ({"\0": 1}, (), NUL),
    ({"a": ["\ud800"]}, ("a", 0), "must not contain half of a surrogate pair"),
    (float("inf"), (), "must be a number that 64 bits can hold"),
    (json.loads("[" * 80 + "]" * 80), (), TOO_DEEP),
]

header_text = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"),
    max_size=60,
)
HEADER_NAMES = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Content-Encoding",
    "Cookie",
    "If-None-Match",
    "Origin",
    "Range",
    "X-Forwarded-For",
    "X-HTTP-Method-Override",
)


class DialectSuite(DialectCalls):
    """The tests every vendor inherits. Subclass as `TestSuite` in the vendor's module and
    fill in what is abstract."""

    def test_it_accepts_the_write_that_the_other_tests_spoil(self):
        response = self.send(self.call)
        assert response.status_code in (200, 201), response.content
        assert response["Content-Type"] == self.content_type

    def test_it_redirects_no_path_with_a_last_slash(self):
        response = self.send(replace(self.call, path=self.call.path + "/"))
        expected = (200, 201) if self.takes_slash else (404,)
        assert response.status_code in expected

    def test_it_takes_the_path_in_any_case_where_its_vendor_does(self):
        for path in (self.call.path.upper(), self.call.path.lower() + "/"):
            response = self.send(replace(self.call, path=path))
            if self.is_any_case:
                assert response.status_code in (200, 201), response.content
            elif path.rstrip("/") != self.call.path:
                assert response.status_code == 404

    def test_it_refuses_a_request_without_a_key(self):
        self.assert_error(self.call.send(self.client), "key_missing")

    def test_it_refuses_what_has_not_the_form_of_a_key(self):
        self.assert_error(self.send(self.call, key="short"), "key_malformed")

    def test_it_refuses_unknown_expired_and_revoked_keys_alike(self):
        now = timezone.now()
        _, unknown = factories.key(self.partner)
        ApiKey.objects.filter(prefix=unknown[4:14]).delete()
        _, expired = factories.key(self.partner, expires_at=now - timedelta(seconds=1))
        revoked_key, revoked = factories.key(self.partner)
        keys.revoke(by=SYSTEM, key=revoked_key)
        for text in (unknown, expired, revoked):
            self.assert_error(self.send(self.call, key=text), "key_invalid")

    def test_it_forbids_a_publishers_key(self):
        _, publisher = factories.key(None)
        self.assert_error(self.send(self.call, key=publisher), "forbidden")

    def test_it_refuses_a_key_from_the_request_after_its_revocation(self):
        assert self.send(self.call).status_code in (200, 201)
        keys.revoke(by=SYSTEM, key=self.key)
        self.assert_error(self.send(self.call), "key_invalid")

    def test_it_refuses_the_keys_of_an_inactive_partner(self):
        partners.update(by=SYSTEM, partner=self.partner, is_active=False)
        self.assert_error(self.send(self.call), "partner_inactive")

    def test_it_refuses_a_write_with_a_key_that_may_only_read(self):
        self.key.scopes = [keys.READ]
        self.key.save()
        self.assert_error(self.send(self.call), "forbidden")

    def test_it_refuses_malformed_json(self):
        if not self.json_types:
            return
        for body in (b'{"url":', b"{'url': 1}", b'{"a": 1,}', b'{"a": NaN}', b"\xff"):
            call = replace(self.call, body=body)
            self.assert_error(self.send(call), "malformed_json")

    def spoilt(self, field: str, value: Any) -> Call:
        """The write with this value, which may be none that Python writes as JSON."""
        text = json.dumps({**self.call.body, field: value})
        return replace(self.call, body=text.replace("Infinity", "1e999").encode())

    @pytest.mark.parametrize(("value", "where", "reason"), REFUSED_VALUES)
    def test_it_names_the_field_of_a_value_that_it_takes_nowhere(
        self, value, where, reason
    ):
        if not self.json_types:
            return
        before = list(Subscription.objects.order_by("id").values())
        for field in [*self.call.body, "unknown"]:
            name = ".".join(map(str, (field, *where)))
            expected = self.refused_value(name, reason)
            self.assert_refused(self.send(self.spoilt(field, value)), *expected)
        assert list(Subscription.objects.order_by("id").values()) == before

    def test_it_tells_nobody_without_a_key_what_is_wrong_with_a_value(self):
        if not self.json_types:
            return
        for value, _, _ in REFUSED_VALUES:
            response = self.spoilt("unknown", value).send(self.client)
            self.assert_error(response, "key_missing")

    def test_it_survives_nesting_that_no_reader_follows(self):
        if not self.json_types:
            return
        body = b'{"unknown": ' + b"[" * 5000 + b"]" * 5000 + b"}"
        response = self.send(replace(self.call, body=body))
        status, _ = self.refused_value("body", "")
        assert response.status_code == status
        assert b"64 levels deep" in response.content

    def test_it_reads_a_body_behind_a_byte_order_mark(self):
        body = b"\xef\xbb\xbf" + self.call.sent
        assert self.send(replace(self.call, body=body)).status_code in (200, 201)

    @pytest.mark.parametrize(
        "type",
        [
            "application/json",
            "Application/JSON ; charset=utf-8",
            "text/json",
            "application/vnd.api+json",
            "application/octet-stream",
        ],
    )
    def test_it_reads_the_types_of_json_that_its_vendor_reads(self, type):
        response = self.send(replace(self.call, content_type=type))
        if type.lower().partition(" ")[0] in self.json_types:
            assert response.status_code in (200, 201), response.content
        else:
            self.assert_error(response, "wrong_media_type")

    def form(self, body: bytes | None = None) -> Call:
        """The write as a form, or this body as one."""
        if body is None and self.call.content_type == FORM:
            return self.call
        pairs = []
        for name, value in self.call.body.items():
            if isinstance(value, list):
                pairs += [(f"{name}[]", each) for each in value]
            else:
                pairs.append((name, int(value) if value is True else value))
        return replace(
            self.call,
            body=urlencode(pairs).encode() if body is None else body,
            content_type=FORM,
        )

    def test_it_reads_forms_where_its_vendor_does(self):
        response = self.send(self.form())
        if self.reads_forms:
            assert response.status_code in (200, 201), response.content
        else:
            self.assert_error(response, "wrong_media_type")

    def test_it_refuses_a_form_as_it_refuses_json(self):
        if not self.reads_forms:
            return
        nul = self.form(self.form().sent + b"&unknown[a][]=%00")
        self.assert_refused(self.send(nul), *self.refused_value("unknown.a.0", NUL))
        self.assert_error(nul.send(self.client), "key_missing")
        deep = self.form(self.form().sent + b"&unknown" + b"[a]" * 64 + b"=1")
        self.assert_refused(self.send(deep), *self.refused_value("unknown", TOO_DEEP))
        self.assert_error(self.send(self.form(b"a=1&" * 1000)), "too_many_fields")
        large = self.form(b"a=" + b"x" * self.max_body)
        self.assert_error(self.send(large), "too_large")

    @pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate"])
    def test_it_inflates_where_its_vendor_does(self, coding):
        compress = zlib.compress if coding == "deflate" else gzip.compress
        plain = self.call.sent
        call = replace(self.call, body=compress(plain))
        response = self.send(call, Content_Encoding=coding)
        if not self.inflates:
            if self.json_types:
                self.assert_error(response, "malformed_json")
            return
        assert response.status_code in (200, 201), response.content
        bomb = compress(b'{"unknown": "' + b"x" * 10 * self.max_body + b'"}')
        assert len(bomb) < self.max_body
        response = self.send(replace(call, body=bomb), Content_Encoding=coding)
        self.assert_error(response, "too_large")
        for broken in (plain, compress(plain)[:-6]):
            response = self.send(replace(call, body=broken), Content_Encoding=coding)
            self.assert_error(response, "corrupt")

    def test_it_answers_an_unknown_encoding_as_its_vendor_does(self):
        for none in ("", "identity"):
            response = self.send(self.call, Content_Encoding=none)
            assert response.status_code in (200, 201)
        response = self.send(self.call, Content_Encoding="br")
        if self.inflates:
            self.assert_error(response, "unknown_coding")
        else:  # nobody looks at the header
            assert response.status_code in (200, 201)

    def test_it_refuses_json_that_is_no_object(self):
        if not self.json_types:
            return
        for body in (b"[]", b'"x"', b"1", b"null", b"true"):
            call = replace(self.call, body=body)
            self.assert_error(self.send(call), "not_an_object")

    def test_it_answers_another_media_type_as_the_vendor_does(self):
        call = replace(self.call, content_type="text/plain")
        self.assert_error(self.send(call), "wrong_media_type")

    def test_it_refuses_a_body_over_its_limit(self):
        call = replace(self.call, body=b'{"x": "' + b"x" * self.max_body + b'"}')
        self.assert_error(self.send(call), "too_large")

    def test_it_answers_a_path_it_does_not_have(self):
        for path in ("/no/such/path", "/%00", "/%0A", "/a%0Ab", "/%E2%82%AC"):
            path = self.prefix + path
            self.assert_error(self.send(Call("GET", path)), "no_route")

    def test_it_answers_a_method_it_does_not_have(self):
        call = replace(self.call, method=self.wrong_method, body=None)
        self.assert_error(self.send(call), "method_not_allowed")

    def test_it_answers_an_object_that_does_not_exist(self):
        call = self.unknown(self.partner, self.key)
        if call is not None:
            self.assert_error(self.send(call), "not_found")

    def test_it_answers_the_object_of_another_partner_as_none(self):
        stranger = factories.partner()
        stranger_key, stranger_text = factories.key(stranger)
        before = list(Subscription.objects.filter(partner=self.partner).values())
        for call in self.foreign(self.partner, self.key, stranger_key):
            self.assert_error(self.send(call, key=stranger_text), "not_found")
        after = list(Subscription.objects.filter(partner=self.partner).values())
        assert after == before

    def test_it_tells_a_caller_over_its_rate_when_to_come_back(
        self, settings, one_moment
    ):
        settings.API_RATE_PER_MINUTE = 2
        assert [self.send(self.call).status_code < 300 for _ in range(2)] == [True] * 2
        response = self.send(self.call)
        self.assert_error(response, "throttled")
        assert 1 <= int(response["Retry-After"]) <= 60

    def test_it_answers_a_host_that_is_not_served(self):
        response = self.send(self.call, Host="stranger.example")
        self.assert_error(response, "bad_request")

    def test_it_answers_its_own_failure_in_its_own_shape(self, monkeypatch, caplog):
        def fail(**_: Any) -> None:
            raise RuntimeError("the secret detail")

        for name in ("create", "update", "put"):
            monkeypatch.setattr(subscriptions, name, fail)
        response = self.send(self.call)
        self.assert_error(response, "internal")
        assert b"secret detail" not in response.content
        assert "the secret detail" in caplog.text

    def test_it_says_that_the_database_is_away_and_when_to_come_back(self):
        def away(*_: Any) -> None:
            raise OperationalError("the connection is closed: host=10.1.2.3")

        with connection.execute_wrapper(away):
            response = self.send(self.call)
        self.assert_error(response, "unavailable")
        assert response["Retry-After"] == "5"
        assert b"10.1.2.3" not in response.content

    def test_it_audits_a_write_with_the_key_that_made_it(self):
        AuditEntry.objects.all().delete()
        self.send(self.call)
        entry = AuditEntry.objects.exclude(action="secrets.shown").get()
        assert entry.actor_id == str(self.key.id)
        assert entry.partner_id == self.partner.id
        assert entry.dialect == self.slug
        assert self.key_text not in json.dumps([entry.before, entry.after])

    def test_it_ignores_cookies_and_needs_no_csrf_token(self, admin_user):
        self.client.force_login(admin_user)
        assert self.send(self.call).status_code in (200, 201)
        self.assert_error(self.call.send(self.client), "key_missing")

    def test_it_answers_json_whatever_is_accepted(self):
        for accept in ("*/*", "text/html", "application/xml", "garbage", ""):
            response = self.send(self.call, Accept=accept)
            assert response.status_code in (200, 201)
            assert response["Content-Type"] == self.content_type

    # --- Nothing makes it fail ------------------------------------------------------

    def test_it_survives_numbers_that_a_database_spells_out(self):
        # PostgreSQL writes 1e40 with forty-one digits: no integer of 64 bits.
        body = {**self.call.body, "unknown": [1e40, -1e19]}
        for _ in range(2):
            self.assert_in_shape(self.send(replace(self.call, body=body)))
        self.assert_in_shape(self.send(self.call))

    @examples(60)
    @given(body=json_values)
    def test_it_survives_any_json(self, body):
        self.assert_in_shape(self.send(replace(self.call, body=body)))

    @examples(60)
    @given(data=st.data())
    def test_it_survives_a_valid_body_with_any_one_value_replaced(self, data):
        body = dict(self.call.body)
        field = data.draw(st.sampled_from(sorted(body)))
        body[field] = data.draw(json_values | st.lists(json_values, max_size=3))
        self.assert_in_shape(self.send(replace(self.call, body=body)))

    @examples(60)
    @given(body=st.binary(max_size=200), content_type=header_text)
    def test_it_survives_any_bytes_under_any_media_type(self, body, content_type):
        call = replace(self.call, body=body, content_type=content_type)
        self.assert_in_shape(self.send(call))

    @examples(60)
    @given(st.lists(st.sampled_from(b"ab[]=&%0+1\xff\x00"), max_size=60).map(bytes))
    def test_it_survives_any_form(self, body):
        self.assert_in_shape(self.send(self.form(body)))

    @examples(60)
    @given(data=st.data())
    def test_it_survives_any_headers(self, data):
        names = sorted({*HEADER_NAMES, *self.headers("")})
        headers = data.draw(
            st.dictionaries(st.sampled_from(names), header_text, max_size=4)
        )
        self.assert_in_shape(self.send(self.call, **headers))
        self.assert_in_shape(self.call.send(self.client, headers))

    @examples(60)
    @given(
        path=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
        query=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
        method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    )
    def test_it_survives_any_path_and_query(self, path, query, method):
        address = f"{self.prefix}/{quote(path)}?{quote(query, safe='=&')}"
        self.assert_in_shape(self.send(Call(method, address)))
