"""The form by which staff create and change a subscription.

Each interface has one of its own, its `forms.Form`, with a field for each of its settings.
A form has no rules of its own. Its values become the body of the interface's request, which the
functions of the views read, so that both refuse with the same messages.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, cast

from django import forms
from rest_framework import exceptions

from webhooks.models import Partner, Subscription
from webhooks.operations import endpoints, limits, subscriptions
from webhooks.operations.audit import Actor
from webhooks.operations.subscriptions import SubscriptionFields

from . import form_fields
from .subscriptions import SubscriptionView, mask_refused

_PORTAL = ("name", "is_active")

KEY_REVOKED = (
    "Its key was revoked, so it stays off: no other key could switch it off again. Create "
    "another subscription, of a key that works."
)


@dataclass(frozen=True)
class Fieldset:
    kind: str  # `interface`, `portal` or `limits`
    # Each field, and what is stored now where somebody else changed it meanwhile.
    rows: Sequence[tuple[forms.BoundField, str | None]]


class SubscriptionForm(forms.Form):
    """The settings of a new subscription of `partner`, or of one that is there.

    A field that the interface requires is marked so and not checked: the interface says
    what is missing, in its own words. An interface that has a word of its own for `name`
    or `is_active` declares that field anew, or declares it as None.
    """

    view: ClassVar[type[SubscriptionView]]
    # The documented request that gives `answer`: `GET /v1/webhooks/{row.public_id}`.
    request: ClassVar[str]
    # What else is to be known about the answer; empty for nothing.
    remark: ClassVar[str] = ""
    # Fields that are given once, when a subscription is created.
    given_once: ClassVar[Sequence[str]] = ()
    # Whether a partner has one subscription at most.
    is_singleton: ClassVar[bool] = False
    # What is said, and of which field, when another subscription has its place.
    taken: ClassVar[tuple[str | None, str]] = (None, "The partner has it already.")

    # What the portal keeps beside every interface's settings.
    name = form_fields.Line(
        required=False,
        max_length=255,
        help_text="What it is called in this console. The partner is not shown it.",
    )
    is_active = forms.BooleanField(
        label="Deliveries are on",
        required=False,
        initial=True,
        help_text="Switched off, later events are not sent. The partner's API has no such "
        "switch and does not show it.",
    )
    max_in_flight = forms.IntegerField(
        label="Requests under way at once",
        required=False,
        min_value=1,
        max_value=endpoints.LIMITS["max_in_flight"],
        help_text="To each URL. Empty: as many as the portal's own limit allows.",
    )
    rate_per_minute = forms.IntegerField(
        label="Requests a minute",
        required=False,
        min_value=1,
        max_value=endpoints.LIMITS["rate_per_minute"],
        help_text="To each URL. Empty: as fast as it answers.",
    )
    is_ordered = forms.BooleanField(
        label="In order",
        required=False,
        help_text="One delivery at a time, in the order of the events: one that keeps "
        "failing holds up all behind it until its attempts are used up.",
    )

    def __init__(
        self,
        partner: Partner,
        subscription: Subscription | None = None,
        data: Any = None,
    ) -> None:
        self.partner, self.subscription = partner, subscription
        # Whether somebody else changed the subscription while it was edited.
        self.overtaken = False
        # What the interface has read of the settings that were given.
        self.given: Any = None
        super().__init__(data, initial=self._initial(subscription))
        for name, field in list(self.fields.items()):
            if subscription and name in self.given_once:
                del self.fields[name]
                continue
            field.initial = self.initial.get(name, field.initial)
            field.widget.is_required, field.required = field.required, False
            if isinstance(field, form_fields.EventsOfProfile):
                field.load(field.initial)

    # --- What the console uses ------------------------------------------------------

    @classmethod
    def existing(cls, partner: Partner) -> Subscription | None:
        """The one that the partner has, where it can have no second."""
        if not cls.is_singleton:
            return None
        rows = Subscription.objects.of(partner, cls.view.slug)
        return rows.filter(shop_id="").first()

    @property
    def instance(self) -> Subscription:
        """The subscription that is edited."""
        assert self.subscription is not None  # noqa: S101 - called for an edit only
        return self.subscription

    def save(self, *, by: Actor, seen: datetime | None = None) -> Subscription | None:
        """Create or change the subscription; None, and an error in the form, where
        another one has its place, it would be switched on for a revoked key, or a limit
        of the partner is reached.

        `seen` is the `updated_at` that the caller has read. Raises
        subscriptions.Overtaken and subscriptions.Deleted.
        """
        try:
            with mask_refused():
                return self._save(by, seen)
        except subscriptions.KeyRevoked:
            self.add_error(None, KEY_REVOKED)
        except subscriptions.PublicIdTaken:
            self.add_error(*self.taken)
        except limits.LimitReached as reached:
            field = reached.limit.field
            self.add_error(field if field in self.fields else None, str(reached))
        except exceptions.ValidationError as error:
            self.refuse(error)
        return None

    def _save(self, by: Actor, seen: datetime | None) -> Subscription:
        if self.subscription is not None:
            row, change = self.subscription, self._differing
            return subscriptions.update(
                by=by, subscription=row, change=change, seen=seen
            )
        identity = self.view.identity(self.partner, self.given)
        return subscriptions.create(by=by, identity=identity, **self._fields(None))

    @property
    def changes_urls(self) -> bool:
        return any(
            isinstance(self.fields[name], form_fields.Url | form_fields.Urls)
            for name in self.changed_data
        )

    @property
    def lacks_key(self) -> bool:
        """Whether it belongs to a key and there is none to choose."""
        keys = (
            f for f in self.fields.values() if isinstance(f, forms.ModelChoiceField)
        )
        return any(field.queryset is not None and not field.queryset for field in keys)

    def fieldsets(self) -> Iterator[Fieldset]:
        """The settings of the interface, those of the portal only, and the limits."""
        for kind, names in (
            ("interface", [name for name in self.fields if name not in self._own]),
            ("portal", [name for name in _PORTAL if name in self._own]),
            ("limits", endpoints.FIELDS),
        ):
            if names:
                yield Fieldset(kind, [(self[n], self._stored_text(n)) for n in names])

    # --- What an interface says -----------------------------------------------------

    @classmethod
    def stored(cls, subscription: Subscription) -> dict[str, Any]:
        """The values of its fields."""
        raise NotImplementedError

    def read(self, values: Mapping[str, Any]) -> Any:
        """What the interface reads of these values, written as the body of its request:
        all of them of a new subscription, else those that were changed. Raises DRF's
        ValidationError, as its views do."""
        raise NotImplementedError

    @classmethod
    def sample_change(cls, subscription: Subscription, url: str) -> tuple[str, Any]:
        """A request to try with curl, `PUT /v1/…`, and its body."""
        raise NotImplementedError

    @classmethod
    def answer(cls, subscription: Subscription) -> Any:
        """The interface's answer for the subscription."""
        raise NotImplementedError

    def message(self, path: str, text: str) -> str:
        """One of the interface's messages; `path` says where in its body."""
        return text

    # --- The same for all -----------------------------------------------------------

    @property
    def _own(self) -> list[str]:
        """The fields that the interface has no word for."""
        common = SubscriptionForm.base_fields
        return [n for n in self.fields if self.base_fields[n] is common.get(n)]

    @classmethod
    def _initial(cls, subscription: Subscription | None) -> dict[str, Any]:
        if subscription is None:
            return {}
        common = [n for n in SubscriptionForm.base_fields if n in cls.base_fields]
        own = {name: getattr(subscription, name) for name in common}
        return {**own, **cls.stored(subscription)}

    def clean(self) -> dict[str, Any]:
        given = self.fields if self.subscription is None else self.changed_data
        names = [name for name in given if name not in self._own]
        # A value that was refused is read as it was, so that all errors are found at once.
        values = {n: self.cleaned_data.get(n, self.fields[n].initial) for n in names}
        # Skipped where none of its settings changes: an interface that takes all settings at
        # once would refuse a stored URL that is no longer allowed, and nobody could switch it off.
        if values or self.subscription is None:
            try:
                self.given = self.read(values)
            except exceptions.ValidationError as error:
                self.refuse(error)
        return self.cleaned_data

    def refuse(self, error: exceptions.ValidationError) -> None:
        """Show the errors of the interface beside its fields."""
        detail: Any = error.detail
        if not isinstance(detail, Mapping):
            detail = {"": detail}
        names = {name.lower(): name for name in self.fields}
        wrong = set(self.errors)
        for path, found in detail.items():
            name = names.get(str(path).lower(), "")
            if name in wrong:
                continue
            value = self.cleaned_data.get(name, self.initial.get(name))
            for sentence in list(self._sentences(str(path), found, value)):
                self.add_error(name or None, sentence)

    def _sentences(self, path: str, found: Any, value: Any) -> Iterable[str]:
        if not isinstance(found, Mapping):
            yield from (self.message(path, str(text)) for text in found)
            return
        # Something in a list: which, is said before what.
        for index, texts in found.items():
            for text in texts:
                sentence = self.message(f"{path}[{index}]", str(text))
                yield f"{str(value[index])[:100]}: {sentence}"

    def _fields(self, stored: Subscription | None) -> SubscriptionFields:
        own: Any = {name: self.cleaned_data[name] for name in self._own}
        if self.given is None:
            return cast(SubscriptionFields, own)
        return {**self.view.changes(self.given, stored), **own}

    def _differing(self, stored: Subscription) -> SubscriptionFields:
        """Without what is as it was: giving URLs also calls disabled ones again."""
        found = {
            name: value
            for name, value in self._fields(stored).items()
            if value != getattr(stored, name, None)
        }
        return cast(SubscriptionFields, found)

    def _stored_text(self, name: str) -> str | None:
        if not self.overtaken or name not in self.changed_data:
            return None
        field, value = self.fields[name], self.initial[name]
        if isinstance(field, form_fields.Events) and field.profile.is_every(value):
            return "every event"
        if isinstance(value, bool):
            return "on" if value else "off"
        if isinstance(value, list):
            return ", ".join(value) or "none"
        return str(value or "nothing")
