"""Desks: how staff create, change and see a subscription by its dialect's own rules.

Interfaces do not import one another, so each dialect and the portal's own API have a desk
here, which `webhooks.apps` provides; the console asks it and knows no vendor. A desk has
no rules of its own: what was typed is written as the body of its dialect's request, and
read by what its dialect's views read it with.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, cast
from uuid import UUID

from rest_framework import exceptions
from rest_framework.renderers import BaseRenderer

from webhooks.delivery.wire import WireProfile
from webhooks.models import Partner, Subscription
from webhooks.operations import pacing, subscriptions
from webhooks.operations.audit import Actor

from .settings import LONGEST_NAME, OWN, Field

MASK = "••••••••"
"""Stands for a secret that a dialect answers in plain."""


class Refused(Exception):
    """Name of a field -> what is wrong with it; "" is the whole."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A new subscription as a dialect read it: where it stands, and what it holds."""

    place: subscriptions.SubscriptionIdentity
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Desk(ABC):
    """One dialect's settings. Values go by the names of its fields."""

    slug: str
    title: str
    profile: WireProfile

    renderer: ClassVar[type[BaseRenderer]]
    # The columns of the portal's own fields that the dialect has a word for.
    says: ClassVar[frozenset[str]] = frozenset()
    # Whether it answers secrets in plain, so that they are masked in `shown`.
    tells_secrets: ClassVar[bool] = False
    # What else is to be known about the answer; empty for nothing.
    remark: ClassVar[str] = ""

    # --- What the console uses ------------------------------------------------------

    def fields(
        self, partner: Partner, subscription: Subscription | None = None
    ) -> Sequence[Field]:
        """The dialect's settings, then the portal's own."""
        own = [field for field in OWN if field.name not in self.says]
        return [*self.settings(partner, subscription), *own]

    def initial(self, subscription: Subscription | None = None) -> dict[str, Any]:
        """What the fields hold; without a subscription, what a new one begins with."""
        row = subscription or Subscription()
        own = {f.name: getattr(row, f.name) for f in OWN if f.name not in self.says}
        return {**own, **self.stored(subscription)}

    def create(
        self,
        *,
        by: Actor,
        partner: Partner,
        given: Mapping[str, Any],
        now: datetime,
        id: UUID | None = None,
    ) -> Subscription:
        """With an `id` for the row, a second call makes no second one. Raises Refused."""
        own, theirs = self._apart({**self.initial(), **given})
        errors = _own_errors(own)
        wish: Wish | None = None
        try:
            wish = self.new(partner, theirs, now)
        except exceptions.ValidationError as error:
            errors |= self.told(error, theirs)
        if errors or wish is None:
            raise Refused(errors)
        place = wish.place if id is None else replace(wish.place, id=id)
        try:
            return subscriptions.create(by=by, identity=place, **{**wish.fields, **own})
        except subscriptions.PublicIdTaken:
            raise Refused(self.taken(partner)) from None

    def change(
        self,
        *,
        by: Actor,
        subscription: Subscription,
        given: Mapping[str, Any],
        now: datetime,
        seen: datetime | None = None,
    ) -> Subscription:
        """Change what is given and differs. `seen` is the `updated_at` that whoever asks
        has looked at. Raises Refused, subscriptions.Overtaken and subscriptions.Deleted."""
        return subscriptions.update(
            by=by,
            subscription=subscription,
            seen=seen,
            change=lambda stored: self._differing(stored, given),
        )

    def _differing(
        self, stored: Subscription, given: Mapping[str, Any]
    ) -> subscriptions.SubscriptionFields:
        own, theirs = self._apart(given)
        errors = _own_errors(own)
        wishes: dict[str, Any] = {}
        try:
            # Not asked where nothing of it changes: a dialect that takes settings as a whole
            # would refuse a URL that is stored and no longer allowed, and so keep it on.
            wishes = dict(self.changes(stored, theirs)) if theirs else {}
        except exceptions.ValidationError as error:
            # It may be of what is stored and was not given.
            errors |= self.told(error, {**self.stored(stored), **theirs})
        if errors:
            raise Refused(errors)
        # What is as it was stays out: giving URLs also calls disabled ones again.
        differing = {
            name: value
            for name, value in {**wishes, **own}.items()
            if value != getattr(stored, name, None)
        }
        return cast(subscriptions.SubscriptionFields, differing)

    def shown(
        self, subscription: Subscription, *, now: datetime, reveal: bool = False
    ) -> bytes:
        """The body that the dialect answers to `request`. Raises
        encryption.Undecryptable."""
        value = self.answer(subscription, now)
        if self.tells_secrets and not reveal:
            value = self.masked(value)
        body = self.renderer().render(value)
        return body if isinstance(body, bytes) else body.encode()

    @abstractmethod
    def request(self, subscription: Subscription) -> str:
        """The documented request that gives it: `GET /v1/webhooks/<key>`."""

    def present(self, partner: Partner) -> Subscription | None:
        """The one that the partner has, where it can have no second."""
        return None

    # --- What a dialect says --------------------------------------------------------

    @abstractmethod
    def settings(
        self, partner: Partner, subscription: Subscription | None
    ) -> Sequence[Field]:
        """Its fields, of a new subscription or of that one."""

    @abstractmethod
    def stored(self, subscription: Subscription | None) -> dict[str, Any]:
        """Their values."""

    @abstractmethod
    def new(self, partner: Partner, values: Mapping[str, Any], now: datetime) -> Wish:
        """Raises ValidationError, as the dialect's own views do."""

    @abstractmethod
    def changes(
        self, subscription: Subscription, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The arguments of `subscriptions.update`. Raises ValidationError."""

    @abstractmethod
    def answer(self, subscription: Subscription, now: datetime) -> Any:
        """What it renders for the subscription."""

    def masked(self, value: Any) -> Any:
        """The answer with MASK for its secrets."""
        return value

    def taken(self, partner: Partner) -> Mapping[str, list[str]]:
        """What is said when another one has its place."""
        return {"": [f"{partner} has it already."]}

    def message(self, path: str, text: str) -> str:
        """One of the dialect's messages; `path` says where in its body."""
        return text

    # --- The same for all -----------------------------------------------------------

    def told(
        self, error: exceptions.ValidationError, values: Mapping[str, Any]
    ) -> dict[str, list[str]]:
        """A dialect's errors by the names of its fields."""
        detail: Any = error.detail
        if not isinstance(detail, Mapping):
            return {"": [str(text) for text in detail]}
        names = {name.lower(): name for name in [*self.stored(None), *values]}
        told: dict[str, list[str]] = {}
        for path, found in detail.items():
            name = names.get(str(path).lower(), "")
            told.setdefault(name, []).extend(
                self._sentences(str(path), found, values.get(name))
            )
        return told

    def _sentences(self, path: str, found: Any, value: Any) -> Iterable[str]:
        if not isinstance(found, Mapping):
            yield from (self.message(path, str(text)) for text in found)
            return
        # Something in a list: which, is said before what.
        for index, texts in found.items():
            for text in texts:
                sentence = self.message(f"{path}[{index}]", str(text))
                yield f"{str(value[index])[:100]}: {sentence}"

    def _apart(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values of the portal's own fields, and of the dialect's."""
        own = {f.name for f in OWN if f.name not in self.says}
        return (
            {name: value for name, value in given.items() if name in own},
            {name: value for name, value in given.items() if name not in own},
        )


def _own_errors(own: Mapping[str, Any]) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for name, value in own.items():
        try:
            pacing.check({name: value})
        except pacing.LimitOutOfRange as refused:
            errors[name] = [f"This takes 1 to {refused.most}, or nothing."]
    if len(own.get("name", "")) > LONGEST_NAME:
        errors["name"] = [f"A name has at most {LONGEST_NAME} characters."]
    return errors


# --- The registry --------------------------------------------------------------------

_desks: dict[str, Callable[[], Desk]] = {}


def register(slug: str, desk: Callable[[], Desk]) -> None:
    """The desk is made when it is asked for: a process that only delivers needs no view."""
    _desks[slug] = desk


def get(slug: str) -> Desk | None:
    return _desks[slug]() if slug in _desks else None


def all() -> Sequence[Desk]:
    return [desk() for desk in _desks.values()]
