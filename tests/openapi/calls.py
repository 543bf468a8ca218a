"""A valid call of every operation that the committed OpenAPI documents name.

Nothing here knows an interface: bodies are samples of their schemas, and ids are read
from what other operations of the same document answer. A new dialect needs no entry.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import yaml
from django.conf import settings

from webhooks.front import documents
from webhooks.rest import urlencoded

FOLDER = settings.BASE_DIR / "docs" / "openapi"
SLUGS = [document.slug for document in documents.separate()]
COMBINED = documents.COMBINED

Schema = dict[str, Any]


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Send = Callable[[str, str, dict[str, str], bytes | None], Answer]
"""Sends a method, a path, headers and a body."""


@cache
def document(slug: str) -> Schema:
    read: Schema = yaml.safe_load((FOLDER / f"{slug}.yaml").read_text())
    return read


@dataclass(frozen=True)
class Operation:
    slug: str
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.slug}: {self.method.upper()} {self.path}"

    @property
    def spec(self) -> Schema:
        spec: Schema = document(self.slug)["paths"][self.path][self.method]
        return spec

    @property
    def id(self) -> str:
        return str(self.spec["operationId"])

    @property
    def media_type(self) -> str:
        """Of its body, the first that is documented."""
        content = self.spec.get("requestBody", {}).get("content", {})
        return next(iter(content), "")

    @property
    def body_schema(self) -> Schema | None:
        """None where the operation takes no body."""
        if not self.media_type:
            return None
        schema: Schema = self.spec["requestBody"]["content"][self.media_type]["schema"]
        return schema

    def answer_schema(self, answer: Answer) -> Schema | None:
        """What is documented for an answer of this status and media type; None where no
        body is. Fails where the answer is not documented."""
        found = self.spec["responses"].get(str(answer.status))
        assert found is not None, f"{self} does not document {answer}"
        if "content" not in found:
            assert answer.body == b"", f"{self} documents no body for {answer}"
            return None
        media_type = answer.content_type.partition(";")[0]
        assert media_type in found["content"], f"{self} does not document {answer}"
        schema: Schema = found["content"][media_type]["schema"]
        return schema


def operations(slug: str) -> Iterator[Operation]:
    for path, methods in document(slug)["paths"].items():
        for method in methods:
            yield Operation(slug, method, path)


EVERY_OPERATION = [each for slug in SLUGS for each in operations(slug)]


# --- Samples --------------------------------------------------------------------------

_TEXTS = {
    "uri": "https://example.com/hooks",
    "uuid": str(UUID(int=0)),
    "date-time": "2026-01-01T00:00:00Z",
}


def resolved(slug: str, schema: Schema) -> Schema:
    """A schema without a reference at its top."""
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = document(slug)["components"]["schemas"][name]
    return schema


def sample(slug: str, schema: Schema, known: dict[str, Any]) -> Any:
    """A value that the schema allows; `known` are values of properties by their names.

    Of an object the required properties, and those that are or hold URLs: a change of
    nothing shows nothing.
    """
    schema = resolved(slug, schema)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            required = schema.get("required", ())
            return {
                name: known.get(name, sample(slug, inner, known))
                for name, inner in schema.get("properties", {}).items()
                if name in required or "uri" in json.dumps(inner)
            }
        case "array":
            return [sample(slug, schema["items"], known)]
        case "integer":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "string":
            return _TEXTS.get(schema.get("format", ""), "sample")
    raise AssertionError(f"No sample of {schema}")


# --- Calls ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    operation: Operation
    path_values: dict[str, str]
    body: Any

    @property
    def address(self) -> str:
        return self.operation.path.format(**self.path_values)

    @property
    def is_form(self) -> bool:
        return self.operation.media_type == urlencoded.Form.media_type

    @property
    def sent(self) -> bytes | None:
        """The body as the operation reads it."""
        if self.body is None:
            return None
        dumps = urlencoded.dumps if self.is_form else json.dumps
        return dumps(self.body).encode()


@dataclass
class Caller:
    """A partner and a publisher of a portal, and how requests reach it."""

    send: Send
    partner_id: str
    key_id: str
    spare_key_id: str  # of a key of the partner's that may be replaced and revoked
    partner_key: str
    publisher_key: str
    _taken: set[str] = field(default_factory=set)

    def text_of_key(self, operation: Operation) -> str:
        schemes = str(operation.spec["security"])
        return self.publisher_key if "PublisherKey" in schemes else self.partner_key

    def headers(
        self, operation: Operation, *, key: str | None = None
    ) -> dict[str, str]:
        """The key where the document's first security scheme puts it."""
        name = next(iter(operation.spec["security"][0]))
        scheme = document(operation.slug)["components"]["securitySchemes"][name]
        text = self.text_of_key(operation) if key is None else key
        if scheme["type"] == "apiKey":
            return {scheme["name"]: text}
        return {"Authorization": f"Bearer {text}"}

    def call_of(self, operation: Operation) -> Call:
        """A valid call; what it names is made first."""
        values: dict[str, str] = {}
        for part in operation.path.split("/"):
            if part.startswith("{"):
                name = part.strip("{}")
                values[name] = self._id_for(operation, name, values)
        return Call(operation, values, self._body(operation, values))

    def make(self, call: Call) -> Answer:
        headers = self.headers(call.operation)
        if call.body is not None:
            headers["Content-Type"] = call.operation.media_type
        method = call.operation.method.upper()
        return self.send(method, call.address, headers, call.sent)

    def _body(self, operation: Operation, path_values: dict[str, str]) -> Any:
        schema = operation.body_schema
        if schema is None:
            return None
        # How the interfaces call the partner, and ids that stand in path and body.
        partner = dict.fromkeys(("partner", "merchantId"), self.partner_id)
        return sample(operation.slug, schema, {**partner, **path_values})

    def _id_for(self, operation: Operation, name: str, above: dict[str, str]) -> str:
        """The id of something new, or of something in a list that was not taken yet."""
        collection = operation.path.partition("/{" + name)[0]
        methods = document(operation.slug)["paths"].get(collection, {})
        for method in ("post", "get"):
            if method in methods:
                source = Operation(operation.slug, method, collection)
                made = self._made(Call(source, above, self._body(source, above)))
                return self._untaken_id(made, name)
        # Nothing lists what the path names: it is the calling key.
        return self.key_id

    def _untaken_id(self, body: Any, name: str) -> str:
        found = body.get("data", body)
        rows = reversed(found) if isinstance(found, list) else [found]
        # A delivery was cancelled where its subscription was deleted since.
        usable = [row for row in rows if row.get("state") != "cancelled"]
        ids = [str(row.get(name, row.get("id"))) for row in usable]
        taken = next(id for id in ids if id not in self._taken)
        self._taken.add(taken)
        return taken

    def furnish(self) -> None:
        """Make what the calls of one document name and cannot make themselves: keys
        beside the calling one, and deliveries."""
        for path in ("keys/{id}/rotate", "subscriptions", "events"):
            operation = Operation("portal", "post", f"/api/portal/v1/{path}")
            for _ in range(2):
                call = Call(
                    operation, {"id": self.spare_key_id}, self._body(operation, {})
                )
                self._made(call)

    def _made(self, call: Call) -> Any:
        answer = self.make(call)
        assert answer.status < 300, (call, answer)
        return answer.json
