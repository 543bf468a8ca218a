"""What holds for every path of the API: keys, problems, limits."""

import json
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tests import factories
from tests.api.calls import PROBLEM, assert_problem, call, errors_of
from tests.dialects.suite import header_text, json_values
from tests.examples import examples
from webhooks.models import ApiKey, Event
from webhooks.operations import events, keys
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture
def key():
    return factories.key(None)[1]


def test_it_asks_for_a_key(client, event):
    response = call(client, "POST", "/events", event)
    assert_problem(response, 401, "Unauthorized", "An API key is required.")
    assert response["WWW-Authenticate"] == "Bearer"


def test_it_refuses_keys_that_do_not_open_it_alike(client, event):
    now = timezone.now()
    _, unknown = factories.key(None)
    ApiKey.objects.filter(prefix=unknown[4:14]).delete()
    _, expired = factories.key(None, expires_at=now - timedelta(seconds=1))
    revoked_key, revoked = factories.key(None)
    keys.revoke(by=SYSTEM, key=revoked_key)
    for text in ("short", unknown, expired, revoked):
        response = call(client, "POST", "/events", event, key=text)
        assert_problem(
            response,
            401,
            "Unauthorized",
            "The API key is unknown, expired or revoked.",
        )
        assert response["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert not Event.objects.exists()


def test_it_forbids_the_keys_of_partners(client, event):
    _, text = factories.key(factories.partner())
    response = call(client, "POST", "/events", event, key=text)
    detail = "This path takes keys of the other kind."
    assert_problem(response, 403, "Forbidden", detail)
    assert response["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
    assert not Event.objects.exists()


def test_it_refuses_a_key_without_the_scope(client, event):
    row, text = factories.key(None, scopes=[keys.PUBLISH])
    assert call(client, "POST", "/events", event, key=text).status_code == 202
    ApiKey.objects.filter(pk=row.pk).update(scopes=["something:else"])
    response = call(client, "POST", "/events", event, key=text)
    assert_problem(response, 403, "Forbidden", "The API key lacks the scope for this.")
    assert response["WWW-Authenticate"] == 'Bearer error="insufficient_scope"'
    assert "RateLimit" in response


def test_it_does_not_take_staff_who_explore_for_a_publisher(
    client, admin_user, partner, event
):
    client.force_login(admin_user)
    session = client.session
    session["explored_partner"] = str(partner.id)
    session.save()
    response = call(client, "POST", "/events", event, Accept="text/html")
    assert response.status_code == 403
    assert not Event.objects.exists()


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/events/", "/%00", "/a%0Ab"])
def test_it_answers_a_path_it_does_not_have(client, key, path):
    response = call(client, "GET", path, key=key)
    assert_problem(response, 404, "Not Found", "There is nothing at this path.")


def test_it_names_the_methods_of_a_path(client, key):
    response = call(client, "GET", "/events", key=key)
    assert_problem(response, 405, "Method Not Allowed", "This path takes POST.")
    assert response["Allow"] == "POST"
    response = call(client, "DELETE", "/events/1", key=key)
    assert response["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("body", [b'{"type":', b"{'a': 1}", b'{"a": NaN}', b"\xff"])
def test_it_refuses_malformed_json(client, key, body):
    response = call(client, "POST", "/events", body, key=key)
    problem = json.loads(response.content)
    assert response.status_code == 400
    assert response["Content-Type"] == PROBLEM
    assert problem["title"] == "Bad Request"
    assert problem["detail"].startswith("The body is not JSON: ")


@pytest.mark.parametrize(
    ("data", "pointer", "detail"),
    [
        (b'{"a": ["\\u0000"]}', "/data/a/0", "the character U+0000."),
        (b'{"a/b": "\\ud800"}', "/data/a~1b", "half of a surrogate pair."),
        (b'{"a": 1e999}', "/data/a", "a number that 64 bits can hold."),
    ],
)
def test_it_points_at_a_value_that_is_stored_nowhere(
    client, key, data, pointer, detail
):
    body = b'{"partner": "x", "type": "a", "data": ' + data + b"}"
    (error,) = errors_of(call(client, "POST", "/events", body, key=key))
    assert error["pointer"] == f"#{pointer}"
    assert error["detail"].startswith("Must ")
    assert error["detail"].endswith(detail)
    batch = b'{"events": [' + body + b"]}"
    reply = json.loads(call(client, "POST", "/events/batch", batch, key=key).content)
    (error,) = reply["results"][0]["problem"]["errors"]
    assert error["pointer"] == f"#/events/0{pointer}"


def test_it_reads_json_behind_a_byte_order_mark(client, key, event):
    body = b"\xef\xbb\xbf" + json.dumps(event).encode()
    assert call(client, "POST", "/events", body, key=key).status_code == 202


def test_it_refuses_a_body_that_was_encoded(client, key, event):
    for coding in ("gzip", "br"):
        response = call(
            client, "POST", "/events", event, key=key, Content_Encoding=coding
        )
        assert_problem(
            response,
            415,
            "Unsupported Media Type",
            "The body must be sent without a Content-Encoding.",
        )


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"'])
def test_it_refuses_json_that_is_no_object(client, key, body):
    response = call(client, "POST", "/events", body, key=key)
    assert errors_of(response) == [{"pointer": "#", "detail": "Must be a JSON object."}]


def test_it_refuses_other_media_types(client, key):
    response = call(client, "POST", "/events", b"x", key=key, content_type="text/plain")
    assert_problem(
        response,
        415,
        "Unsupported Media Type",
        "The body must be application/json.",
    )


@pytest.mark.parametrize(
    ("path", "limit"), [("/events", 1024 * 1024), ("/events/batch", 8 * 1024 * 1024)]
)
def test_it_refuses_a_body_over_its_limit(client, key, path, limit):
    body = b'{"x": "' + b"x" * limit + b'"}'
    response = call(client, "POST", path, body, key=key)
    detail = f"The body is longer than {limit} bytes."
    assert_problem(response, 413, "Content Too Large", detail)


def test_it_answers_its_own_failure_with_what_can_be_quoted(
    client, key, event, monkeypatch, caplog
):
    def fail(**_):
        raise RuntimeError("the secret detail")

    monkeypatch.setattr(events, "publish", fail)
    response = call(client, "POST", "/events", event, key=key)
    problem = json.loads(response.content)
    assert response.status_code == 500
    assert response["Content-Type"] == PROBLEM
    assert list(problem) == ["type", "title", "status", "detail", "instance"]
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", problem["instance"])
    assert problem["instance"] in caplog.text
    assert b"secret detail" not in response.content


def test_it_says_on_every_answer_what_is_left(client, key, event, settings, one_moment):
    settings.API_RATE_PER_MINUTE = 2
    policy = '"default";q=2;w=60'
    for left, status in ((1, 202), (0, 422)):
        response = call(client, "POST", "/events", event, key=key)
        assert response.status_code == status
        assert response["RateLimit-Policy"] == policy
        assert re.fullmatch(rf'"default";r={left};t=\d\d?', response["RateLimit"])
        event["unknown"] = 1
    response = call(client, "POST", "/events", event, key=key)
    assert response.status_code == 429
    assert response["Content-Type"] == PROBLEM
    assert json.loads(response.content)["title"] == "Too Many Requests"
    wait = response["Retry-After"]
    assert 1 <= int(wait) <= 60
    assert response["RateLimit"] == f'"default";r=0;t={wait}'
    # Nobody has been counted yet where there is no key.
    response = call(client, "POST", "/events", event)
    assert response["RateLimit-Policy"] == policy
    assert "RateLimit" not in response


def test_it_says_nothing_of_limits_where_there_are_none(client, key, event, settings):
    settings.API_RATE_PER_MINUTE = 0
    response = call(client, "POST", "/events", event, key=key)
    assert response.status_code == 202
    assert not {"RateLimit", "RateLimit-Policy"} & response.headers.keys()


def test_it_ignores_cookies_and_needs_no_csrf_token(client, admin_user, key, event):
    client.force_login(admin_user)
    assert call(client, "POST", "/events", event, key=key).status_code == 202
    assert call(client, "POST", "/events", event).status_code == 401


def assert_in_shape(response):
    assert response.status_code < 500, response.content
    if response.content:
        expected = PROBLEM if response.status_code >= 400 else "application/json"
        assert response["Content-Type"] == expected
        json.loads(response.content)


@examples(60)
@given(body=json_values)
def test_it_survives_any_json(client, key, body):
    for path in ("/events", "/events/batch"):
        assert_in_shape(call(client, "POST", path, body, key=key))
    batch = {"events": [body, body]}
    assert_in_shape(call(client, "POST", "/events/batch", batch, key=key))


FIELDS = ("partner", "type", "data", "idempotency_key", "occurred_at", "attributes")


@examples(60)
@given(field=st.sampled_from(FIELDS), value=json_values)
def test_it_survives_any_value_of_any_field(client, key, event, field, value):
    spoilt = {**event, field: value}
    assert_in_shape(call(client, "POST", "/events", spoilt, key=key))
    batch = {"events": [spoilt]}
    assert_in_shape(call(client, "POST", "/events/batch", batch, key=key))


@examples(60)
@given(value=header_text)
def test_it_survives_any_idempotency_key(client, key, event, value):
    response = call(client, "POST", "/events", event, key=key, Idempotency_Key=value)
    assert response.status_code in (202, 422)
    assert_in_shape(response)


@examples(60)
@given(
    path=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
)
def test_it_survives_any_path(client, key, path, method):
    assert_in_shape(call(client, method, "/" + quote(path), key=key))
    assert_in_shape(call(client, method, "/events/" + quote(path), key=key))
