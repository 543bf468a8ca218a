"""Calls of Topiic, and what its refusals look like."""

import json
import re
from uuid import uuid4

from tests.dialects.calls import Call, DialectCalls

RFC9110 = "https://tools.ietf.org/html/rfc9110#section-"
TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00")


def body_of(key, **changes):
    return {
        "id": str(key.id),
        "merchantId": str(key.partner_id),
        "webhookUrl": "https://receiver.example.com/hook",
        "webhookEvents": ["checkout.completed"],
        "webhookEnabled": True,
        **changes,
    }


def put(key, **changes):
    return Call("PUT", f"/api/ApiKeys/{key.id}/webhook", body_of(key, **changes))


def problem(status, title, section, **members):
    """Checks a whole problem, its members in their order, and its trace id."""
    type_ = section if section.startswith("https:") else RFC9110 + section

    def check(body):
        expected = {"type": type_, "title": title, "status": status, **members}
        assert TRACE.fullmatch(body["traceId"])
        assert list(body) == [*expected, "traceId"]
        assert body == {**expected, "traceId": body["traceId"]}

    return status, check


def untraced(status, title, type_, detail):
    return status, {"type": type_, "title": title, "status": status, "detail": detail}


def validation(**errors):
    return problem(
        400, "One or more validation errors occurred.", "15.5.1", errors=errors
    )


def dollar(body):
    assert list(body) == ["type", "title", "status", "errors", "traceId"]
    assert body["title"] == "One or more validation errors occurred."
    ((path, messages),) = body["errors"].items()
    assert path == "$"
    assert len(messages) == 1


def empty_or_dollar(body):
    if "" in body["errors"]:
        assert body["errors"] == {"": ["A non-empty request body is required."]}
    else:
        dollar(body)


def is_throttled(body):
    assert list(body) == ["type", "title", "status", "detail"]
    assert body["type"] == "https://tools.ietf.org/html/rfc6585#section-4"
    assert body["title"] == "Too Many Requests"


def unauthorized(detail):
    return untraced(401, "Unauthorized", RFC9110 + "15.5.2", detail)


def forbidden(detail):
    rfc7807 = "https://tools.ietf.org/html/rfc7807"
    return untraced(403, "Forbidden", rfc7807, detail)


CLOSED = unauthorized("The API key is invalid, expired or revoked.")
ERRORS = {
    "key_missing": unauthorized("An API key is required."),
    "key_malformed": CLOSED,
    "key_invalid": CLOSED,
    "partner_inactive": forbidden("The merchant is inactive."),
    "forbidden": forbidden("The API key may not change webhook settings."),
    "not_found": problem(404, "Not Found", "15.5.5"),
    "no_route": problem(404, "Not Found", "15.5.5"),
    "method_not_allowed": problem(405, "Method Not Allowed", "15.5.6"),
    "malformed_json": (400, dollar),
    "not_an_object": (400, empty_or_dollar),
    "wrong_media_type": problem(415, "Unsupported Media Type", "15.5.16"),
    "too_large": problem(
        413,
        "Content Too Large",
        "15.5.14",
        detail="The body is longer than 1048576 bytes.",
    ),
    "throttled": (429, is_throttled),
    "bad_request": problem(400, "Bad Request", "15.5.1"),
    "internal": problem(
        500, "An error occurred while processing your request.", "15.6.1"
    ),
    "unavailable": problem(503, "Service Unavailable", "15.6.4"),
}


class TopiicCalls(DialectCalls):
    slug = "topiic"
    content_type = "application/json; charset=utf-8"
    prefix = "/api/ApiKeys"
    is_any_case = True
    json_types = ("application/json", "text/json", "application/vnd.api+json")

    def refused_value(self, name, reason):
        steps = (f"[{s}]" if s.isdecimal() else f".{s}" for s in name.split("."))
        path = "".join(["$", *steps])
        told = f"The JSON value {reason}. Path: {path} | LineNumber: 0 | BytePositionInLine: "

        def check(body):
            ((key, (message,)),) = body["errors"].items()
            assert key == path
            assert message.startswith(told)
            assert 0 < int(message.removeprefix(told).removesuffix(".")) < 1000
            assert body["title"] == "One or more validation errors occurred."

        return 400, check

    def headers(self, key):
        return {"Authorization": f"Bearer {key}"}

    def write(self, partner, key):
        return put(key)

    def unknown(self, partner, key):
        body = body_of(key, id=str(uuid4()))
        return Call("PUT", f"/api/ApiKeys/{body['id']}/webhook", body)

    def foreign(self, owner, owner_key, stranger_key):
        stranger = str(stranger_key.partner_id)
        return [put(owner_key, merchantId=stranger)]

    def error(self, kind):
        return ERRORS[kind]

    def refused(self, call, **errors):
        """Send a call that must fail validation in exactly these ways."""
        response = self.send(call)
        status, check = validation(**errors)
        assert response.status_code == status
        check(json.loads(response.content))

    def reply(self, **changes):
        response = self.send(put(self.key, **changes))
        assert response.status_code == 200, response.content
        return json.loads(response.content)

    def assert_problem(self, response, expected):
        status, check = expected
        assert response.status_code == status
        check(json.loads(response.content))
