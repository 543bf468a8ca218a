"""Requests as an interface's OpenAPI document describes them, filled with given ids."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import product
from typing import Any

from django.utils import timezone

from tests import bodies
from webhooks.front import documents

URL = "https://receiver.example.com/hook"


@dataclass(frozen=True)
class Operation:
    """One method of one documented path."""

    slug: str
    method: str
    path: str
    parameters: tuple[str, ...]
    queries: tuple[str, ...]
    # The properties of a body, by name, for each body that is to be tried.
    bodies: tuple[dict[str, Any], ...]

    @property
    def is_read(self) -> bool:
        return self.method == "GET"


@dataclass(frozen=True)
class Request:
    operation: Operation
    path: str
    query: dict[str, str]
    body: dict[str, Any] | None

    def __str__(self) -> str:
        return f"{self.operation.method} {self.path} {self.query} {self.body}"

    def send(self, client: Any, key: str) -> Any:
        """With the key where the document says that it goes."""
        components = _document(self.operation.slug)["components"]
        scheme = next(iter(components["securitySchemes"].values()))
        is_bearer = scheme["type"] == "http"
        text, media_type = bodies.written(self.path, self.body)
        return client.generic(
            self.operation.method,
            self.path,
            text,
            content_type=media_type,
            headers={"Authorization": f"Bearer {key}"}
            if is_bearer
            else {scheme["name"]: key},
            query_params=self.query,
        )


@cache
def operations(slug: str) -> Sequence[Operation]:
    """Every one that the document of an interface has."""
    return [
        Operation(
            slug=slug,
            method=method.upper(),
            path=path,
            parameters=_named(described, "path"),
            queries=_named(described, "query"),
            bodies=tuple(_bodies(slug, described)),
        )
        for path, methods in _document(slug)["paths"].items()
        for method, described in methods.items()
    ]


def requests(
    operation: Operation, *, ids: Sequence[str], partner_id: str, dialect: str
) -> Iterator[Request]:
    """The operation for each of the ids, with each of its bodies and query parameters."""
    about = {"dialect": dialect} if "dialect" in operation.queries else {}
    for chosen in product(ids, repeat=max(1, len(operation.parameters))):
        path = operation.path
        for name, id in zip(operation.parameters, chosen, strict=False):
            path = path.replace(f"{{{name}}}", id)
        queries = [about]
        if operation.is_read:
            queries += [{**about, name: chosen[0]} for name in operation.queries]
        values = _Values(operation.slug, chosen[0], partner_id, dialect)
        for query, body in product(queries, operation.bodies or (None,)):
            filled = body and {n: values.of(n, schema) for n, schema in body.items()}
            yield Request(operation, path, query, filled)


@dataclass(frozen=True)
class _Values:
    slug: str
    id: str
    partner_id: str
    dialect: str

    def of(self, name: str, schema: dict[str, Any]) -> Any:
        """A value that the schema admits: the id, unless its name asks for another."""
        schema = _resolved(self.slug, schema)
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type", "string")
        match kind if isinstance(kind, str) else kind[0]:
            case "array":
                return [self.of(name, schema["items"])]
            case "boolean":
                return True
            case "integer" | "number":
                return 1
            case "object":
                return {}
        return self._text(name.lower(), schema.get("format"))

    def _text(self, name: str, form: str | None) -> str:
        if form == "date-time":
            return (timezone.now() - timedelta(days=1)).isoformat()
        if form == "uri" or "url" in name:
            return URL
        if any(word in name for word in ("merchant", "partner", "company")):
            return self.partner_id
        return self.dialect if name == "dialect" else self.id


@cache
def _document(slug: str) -> dict[str, Any]:
    return documents.build(slug)


def _named(described: dict[str, Any], place: str) -> tuple[str, ...]:
    parameters = described.get("parameters", ())
    return tuple(p["name"] for p in parameters if p["in"] == place)


def _bodies(slug: str, described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """With every property, with the required ones, and with one of the others beside."""
    content = described.get("requestBody", {}).get("content", {})
    if not content:
        return
    schema = _resolved(slug, next(iter(content.values()))["schema"])
    properties = {
        name: inner
        for name, inner in schema.get("properties", {}).items()
        if not inner.get("readOnly")
    }
    required = {n: properties[n] for n in schema.get("required", ()) if n in properties}
    yield properties
    yield required
    for name, inner in properties.items():
        if name not in required:
            yield {**required, name: inner}


def _resolved(slug: str, schema: dict[str, Any]) -> dict[str, Any]:
    """What a reference refers to, and the first of several schemas."""
    while True:
        inner = schema.get("allOf") or schema.get("oneOf") or schema.get("anyOf")
        if reference := schema.get("$ref"):
            name = reference.rpartition("/")[2]
            schema = _document(slug)["components"]["schemas"][name]
        elif inner:
            schema = inner[0]
        else:
            return schema
