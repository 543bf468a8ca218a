"""Several OpenAPI documents as one.

Every component, operation and security scheme is put under the slug of the document it
comes from: two vendors may both call something `Webhook` and mean different things.
"""

from collections.abc import Mapping
from typing import Any

_REF = "#/components/"

Schema = dict[str, Any]


def merged(documents: Mapping[str, Schema]) -> Schema:
    """`openapi`, `paths` and `components` of all documents, which do not share a path."""
    paths: Schema = {}
    components: dict[str, Schema] = {}
    version = ""
    for slug, document in documents.items():
        version = document["openapi"]
        for path, operations in document["paths"].items():
            paths[path] = {
                method: _operation(slug, operation)
                for method, operation in operations.items()
            }
        for kind, named in document.get("components", {}).items():
            components.setdefault(kind, {}).update(
                (f"{slug}.{name}", _referring(slug, component))
                for name, component in named.items()
            )
    return {"openapi": version, "paths": paths, "components": components}


def _operation(slug: str, operation: Schema) -> Schema:
    operation = _referring(slug, operation)
    return {
        **operation,
        "operationId": f"{slug}_{operation['operationId']}",
        "tags": [slug],
        "security": [
            {f"{slug}.{name}": scopes for name, scopes in requirement.items()}
            for requirement in operation.get("security", [])
        ],
    }


def _referring(slug: str, value: Any) -> Any:
    """`value` with its references under the slug."""
    if isinstance(value, dict):
        return {key: _referring(slug, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_referring(slug, item) for item in value]
    if isinstance(value, str) and value.startswith(_REF):
        kind, _, name = value.removeprefix(_REF).partition("/")
        return f"{_REF}{kind}/{slug}.{name}"
    return value
