"""The OpenAPI documents: one for each dialect, one for the portal's own API, one with all of them.

Each is generated from its documented paths alone, so that a vendor's document names
neither another vendor's models nor its security. The combined one is put together from
the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from django.conf import settings
from django.urls import URLPattern

from webhooks import dialects
from webhooks.rest.interfaces import Interface
from webhooks.rest.subscriptions import SubscriptionView
from webhooks.rest.view import ApiView

from . import combining

COMBINED = "combined"

LICENSE = {"name": "MIT", "url": "https://opensource.org/license/mit"}

# A document serves every portal, so it names no host: a relative address means the host
# that the document was read from. Who generates a client says where the portal is.
SERVERS = [{"url": "/", "description": "The portal that serves this document."}]

Schema = dict[str, Any]


PORTAL = "portal"
REQUEST_ID = {
    "RequestId": {
        "description": "The id of the request, under which the portal's log has it.",
        "schema": {"type": "string"},
    }
}


class Unclean(Exception):
    """The views cannot be described faithfully; the message lists what was met."""


@dataclass(frozen=True)
class Document:
    slug: str
    title: str
    description: str
    patterns: Callable[[], Sequence[URLPattern]]


def separate() -> list[Document]:
    """The portal's own document, then the dialects' in the order of their registry."""
    portal = Document(
        slug=PORTAL,
        title="Webhook Portal",
        description="The portal's own API: publish events; manage subscriptions.",
        patterns=_portal_patterns,
    )
    return [portal, *(_of(dialect) for dialect in dialects.DIALECTS)]


def slugs() -> list[str]:
    return [*(document.slug for document in separate()), COMBINED]


def title(slug: str) -> str:
    """Raises KeyError for what is no document."""
    titles = {document.slug: document.title for document in separate()}
    return {**titles, COMBINED: "All interfaces in one document"}[slug]


_generated: dict[str, bytes] = {}
_generating = Lock()


def yaml(slug: str) -> bytes:
    """The document as YAML, generated once in a process; raises KeyError."""
    if slug not in _generated:
        # drf-spectacular loads its extensions at the first document, and does not expect two
        # threads to ask for it at once. It takes half a second of a processor, so whoever asks
        # meanwhile waits for that one.
        with _generating:
            if slug not in _generated:
                _generated[slug] = _yaml(build(slug))
    return _generated[slug]


def _yaml(schema: Schema) -> bytes:
    from drf_spectacular.renderers import OpenApiYamlRenderer

    text: bytes = OpenApiYamlRenderer().render(schema, renderer_context={})
    return text


def build(slug: str) -> Schema:
    """Raises KeyError for what is no document."""
    if slug == COMBINED:
        return _combined()
    return _generate({document.slug: document for document in separate()}[slug])


def check(slug: str) -> None:
    """Generate a document anew and validate it; raises Unclean."""
    from drf_spectacular.drainage import GENERATOR_STATS
    from drf_spectacular.validation import validate_schema
    from jsonschema import ValidationError

    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        schema = build(slug)
    met = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    if met:
        raise Unclean("\n".join(met))
    try:
        validate_schema(schema)
    except ValidationError as error:
        raise Unclean(f"{slug}: {error.message}") from None


def bases_without_description() -> list[type]:
    """Classes whose docstrings are for readers of the code: they describe no operation of a
    view that has no docstring of its own. Named by a setting."""
    from drf_spectacular.plumbing import get_lib_doc_excludes

    return [*get_lib_doc_excludes(), ApiView, SubscriptionView]


def _portal_patterns() -> Sequence[URLPattern]:
    from webhooks.api import urls

    return urls.documented


def _of(dialect: Interface) -> Document:
    return Document(
        slug=dialect.slug,
        title=f"{dialect.title} webhook settings",
        description=f"The webhook settings of {dialect.title}, at the paths and in the "
        "words of the vendor's own documentation.",
        patterns=lambda: dialect.documented,
    )


def _generate(document: Document) -> Schema:
    # Imported here: a web worker that nobody asks for a document stays smaller.
    from drf_spectacular.generators import SchemaGenerator

    generator = SchemaGenerator(patterns=list(document.patterns()))
    schema = generator.get_schema(request=None, public=True)
    if document.slug == PORTAL:  # a vendor's document says only what the vendor's does
        _add_request_id(schema)
    return _with_head(schema, document.title, document.description)


def _add_request_id(schema: Schema) -> None:
    header = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    for operations in schema["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                answer.setdefault("headers", {}).update(header)
    schema["components"]["headers"] = REQUEST_ID


def _combined() -> Schema:
    merged = combining.merged({d.slug: _generate(d) for d in separate()})
    description = "The portal's own API and every dialect that it serves."
    return _with_head(merged, title(COMBINED), description)


def _with_head(schema: Schema, title: str, description: str) -> Schema:
    """The document with what stands before its paths."""
    # Not by drf-spectacular's `custom_settings`, which change the settings of the whole
    # process while another thread may be generating another document.
    return {
        "openapi": schema["openapi"],
        "info": {
            "title": title,
            "version": settings.SPECTACULAR_SETTINGS["VERSION"],
            "description": description,
            "license": LICENSE,
        },
        "servers": SERVERS,
        "paths": schema["paths"],
        "components": schema["components"],
    }
