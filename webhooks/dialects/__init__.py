"""The dialects: vendors' documented webhook-settings APIs, each served exactly.

This list is the registry. A new dialect is its folder, its line here, its tests and its page
in docs/dialects.
"""

from webhooks.rest.interfaces import Interface


def _dialect(slug: str, title: str) -> Interface:
    package = f"{__name__}.{slug}"
    return Interface(slug, title, package, wire=f"{package}.wire")


DIALECTS: tuple[Interface, ...] = (
    _dialect("blaze", "BLAZE"),
    _dialect("capa", "Capa"),
    _dialect("nursa", "Nursa"),
    _dialect("partnero", "Partnero"),
    _dialect("topiic", "Topiic"),
)

SLUGS = tuple(dialect.slug for dialect in DIALECTS)
