"""Each document against what the portal answers, operation by operation."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
import time_machine
from django.db import OperationalError
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema

from tests import factories
from tests.openapi.calls import (
    EVERY_OPERATION,
    SLUGS,
    Answer,
    Call,
    Caller,
    Operation,
    document,
    resolved,
)
from tests.openapi.conftest import send
from webhooks.front import documents
from webhooks.models import Partner
from webhooks.operations.keys import READ, REVEAL
from webhooks.rest import view
from webhooks.rest.subscriptions import SubscriptionView

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
UNKNOWN_ID = "3f0e2f7c-5b1c-4c8b-9d6e-5a2f0e6c7d11"

pytestmark = pytest.mark.once

every_operation = pytest.mark.parametrize("operation", EVERY_OPERATION, ids=str)


def _or_null(validator: Any, types: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if instance is not None or not schema.get("nullable"):
        yield from jsonschema.Draft4Validator.VALIDATORS["type"](
            validator, types, instance, schema
        )


# OpenAPI 3.0 is JSON Schema with a word of its own for null.
Validator = jsonschema.validators.extend(jsonschema.Draft4Validator, {"type": _or_null})


def assert_documented(operation: Operation, answer: Answer) -> None:
    """The answer is one of those that the document describes, its body included."""
    schema = operation.answer_schema(answer)
    if schema is not None:
        components = document(operation.slug)["components"]
        Validator({"allOf": [schema], "components": components}).validate(answer.json)


@pytest.mark.parametrize("slug", [*SLUGS, "combined"])
def test_it_names_the_host_that_serves_it(slug):
    assert [server["url"] for server in document(slug)["servers"]] == ["/"]


@every_operation
def test_it_describes_the_answer_to_a_valid_call(caller, operation):
    answer = caller.make(caller.call_of(operation))

    assert answer.status < 300, answer
    assert_documented(operation, answer)


@every_operation
def test_it_offers_only_media_types_that_the_view_reads(caller, operation):
    for media_type in operation.spec.get("requestBody", {}).get("content", ()):
        call = caller.call_of(operation)
        written = form if media_type == FORM else json.dumps
        headers = {**caller.headers(operation), "Content-Type": media_type}

        body = written(call.body).encode()
        answer = send(operation.method.upper(), call.address, headers, body)

        assert answer.status < 300, (media_type, answer)


def form(body: dict[str, Any]) -> str:
    """As PHP and Node.js write lists."""
    pairs = {f"{k}[]" if isinstance(v, list) else k: v for k, v in body.items()}
    return urlencode(pairs, doseq=True)


def test_the_docstrings_of_base_classes_describe_no_operation():
    class Bare(SubscriptionView):
        authentication_classes = []

        @extend_schema(operation_id="look", responses={200: None})
        def look(self, request: Any) -> Any: ...

    paths = [path("bare", Bare.as_view({"get": "look"}))]
    made = documents._generate(documents.Document("bare", "Bare", "", lambda: paths))
    assert "description" not in made["paths"]["/bare"]["get"]


# --- Refusals -------------------------------------------------------------------------


@every_operation
def test_it_describes_every_refusal(caller, operation, settings, monkeypatch):
    call = caller.call_of(operation)
    settings.API_RATE_PER_MINUTE = 1000

    refusals = [
        *keys_refused(caller, call),
        *bodies_refused(caller, call),
        *addresses_refused(caller, call),
        over_rate(caller, call, settings),
        failed(caller, call, monkeypatch, RuntimeError()),
        failed(caller, call, monkeypatch, OperationalError("connection refused")),
    ]

    for answer in refusals:
        assert_documented(operation, answer)
    met = {str(answer.status) for answer in refusals if answer.status >= 400}
    documented = {status for status in operation.spec["responses"] if status >= "400"}
    # What is in conflict differs from operation to operation: tests/api meets each.
    assert documented - {"409"} == met


def keys_refused(caller: Caller, call: Call) -> Iterator[Answer]:
    partner = Partner.objects.get(id=caller.partner_id)
    unable = [factories.key(partner, scopes=[each])[1] for each in (READ, REVEAL)]
    for key in ("", "unknown", caller.partner_key, caller.publisher_key, *unable):
        yield sent(caller, call, key=key)


def bodies_refused(caller: Caller, call: Call) -> Iterator[Answer]:
    if "400" not in call.operation.spec["responses"]:
        return  # it reads no body
    if call.body is not None:
        yield sent(caller, replace(call, body=nonsense(call)))
    for body in (b"", b"{", b'"text"', b"[1]", b'{"a": "\\u0000"}'):
        yield sent(caller, call, body)
    yield sent(caller, call, headers={"Content-Type": "text/plain"})
    too_long = str(100 * view.MEBIBYTE)
    yield sent(caller, call, headers={"Content-Length": too_long})


def nonsense(call: Call) -> dict[str, Any]:
    """Every property of the body, each with a value that none of them takes."""
    schema = resolved(call.operation.slug, call.operation.body_schema or {})
    return {name: [[]] for name in schema["properties"]}


def addresses_refused(caller: Caller, call: Call) -> Iterator[Answer]:
    if call.path_values:
        unknown = dict.fromkeys(call.path_values, UNKNOWN_ID)
        body = call.body and {k: unknown.get(k, v) for k, v in call.body.items()}
        yield sent(caller, replace(call, path_values=unknown, body=body))
    for each in call.operation.spec.get("parameters", ()):
        if each["in"] == "query":
            yield sent(caller, call, query={each["name"]: "nonsense"})
    if "422" in call.operation.spec["responses"]:
        yield sent(caller, call, query={"no_such_parameter": "1"})


def over_rate(caller: Caller, call: Call, settings: Any) -> Answer:
    settings.API_RATE_PER_MINUTE = 1
    with time_machine.travel(timezone.now(), tick=False):  # in one minute
        answers = [sent(caller, call) for _ in range(3)]
    settings.API_RATE_PER_MINUTE = 0
    return answers[-1]


def failed(caller: Caller, call: Call, monkeypatch: Any, error: Exception) -> Answer:
    def fail(view: Any, request: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(view.ApiView, "check_rate", fail)
        return sent(caller, call)


def sent(
    caller: Caller,
    call: Call,
    body: bytes | None = None,
    *,
    key: str | None = None,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """The answer to a call with something of it exchanged."""
    usual = caller.headers(call.operation, key=key)
    usual["Content-Type"] = call.operation.media_type or JSON
    address = f"{call.address}?{urlencode(query or {})}"
    method = call.operation.method.upper()
    body = call.sent if body is None else body
    return send(method, address, {**usual, **(headers or {})}, body)


def test_the_portals_own_document_names_the_id_of_a_request_and_no_vendors_does():
    for slug in SLUGS:
        answers = [
            answer
            for operations in document(slug)["paths"].values()
            for operation in operations.values()
            for answer in operation["responses"].values()
        ]
        named = ["X-Request-Id" in answer.get("headers", {}) for answer in answers]
        assert set(named) == {slug == documents.PORTAL}
