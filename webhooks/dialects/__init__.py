"""The dialects: vendors' documented webhook-settings APIs, each served exactly.

This list is the registry. A new dialect is its folder, its line here, its lines in the
import contracts, its tests and its page in docs/dialects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.urls import URLPattern

    from webhooks.delivery.wire import WireProfile
    from webhooks.rest.desks import Desk


@dataclass(frozen=True)
class Dialect:
    slug: str
    title: str

    @property
    def profile(self) -> "WireProfile":
        """What its subscribers receive; its folder's `wire.PROFILE`."""
        profile: WireProfile = import_module(f"{__name__}.{self.slug}.wire").PROFILE
        return profile

    @property
    def documented(self) -> "Sequence[URLPattern]":
        """The vendor's documented paths, without aliases; its `urls.documented`."""
        found: Sequence[URLPattern] = import_module(
            f"{__name__}.{self.slug}.urls"
        ).documented
        return found

    def desk(self) -> "Desk":
        """How staff see and change its subscriptions; of its folder's `desk.Desk`."""
        module = import_module(f"{__name__}.{self.slug}.desk")
        desk: Desk = module.Desk(self.slug, self.title, self.profile)
        return desk


DIALECTS: tuple[Dialect, ...] = (
    Dialect("blaze", "BLAZE"),
    Dialect("capa", "Capa"),
    Dialect("nursa", "Nursa"),
    Dialect("partnero", "Partnero"),
    Dialect("topiic", "Topiic"),
)

SLUGS = tuple(dialect.slug for dialect in DIALECTS)
