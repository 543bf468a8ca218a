"""The REST interfaces that are served: the portal's own, and one for each dialect.

An interface is a REST API that the portal serves. Interfaces do not import one another, and
no lower room imports them. Code that needs
all of them, such as the console and the routing, finds them here by name. `webhooks.apps`
registers them when the process starts. Their modules are imported on first use: a process
that only delivers needs no view.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.urls import URLPattern

    from webhooks.delivery.wire import WireProfile

    from .forms import SubscriptionForm


@dataclass(frozen=True)
class Interface:
    """`package` holds its `urls` and `forms`; `wire` is the module of its PROFILE."""

    slug: str
    title: str
    package: str
    wire: str

    @property
    def profile(self) -> "WireProfile":
        """The wire profile of its deliveries."""
        profile: WireProfile = import_module(self.wire).PROFILE
        return profile

    @property
    def prefix(self) -> str:
        """Below this path every answer is its own; no slashes around it."""
        prefix: str = self._urls.PREFIX
        return prefix

    @property
    def documented(self) -> "Sequence[URLPattern]":
        """The paths that its documentation names."""
        found: Sequence[URLPattern] = self._urls.documented
        return found

    @property
    def aliases(self) -> "Sequence[URLPattern]":
        """Other paths that lead to the same views: a last slash, another case."""
        found: Sequence[URLPattern] = self._urls.aliases
        return found

    @property
    def unrouted(self) -> Any:
        """The view of every other path under the prefix."""
        return self._urls.Unrouted

    @property
    def underscored_headers(self) -> frozenset[str]:
        """The headers that it reads and that have an underscore in their name."""
        return frozenset(
            name for each in self._authentications for name in each.underscored_headers
        )

    @property
    def key_headers(self) -> frozenset[str]:
        """The headers that carry a key, by their names in its document."""
        return frozenset(each.header("")[0] for each in self._authentications)

    @property
    def _authentications(self) -> set[Any]:
        views: list[Any] = [pattern.callback for pattern in self.documented]
        return {each for view in views for each in view.cls.authentication_classes}

    @property
    def form(self) -> "type[SubscriptionForm]":
        """The form by which staff create and change its subscriptions."""
        form: type[SubscriptionForm] = import_module(f"{self.package}.forms").Form
        return form

    @property
    def _urls(self) -> Any:
        return import_module(f"{self.package}.urls")


_interfaces: dict[str, Interface] = {}


def register(interface: Interface) -> None:
    """Registering the same one again changes nothing."""
    _interfaces[interface.slug] = interface


def all() -> Sequence[Interface]:
    return list(_interfaces.values())


def get(slug: str) -> Interface | None:
    return _interfaces.get(slug)
