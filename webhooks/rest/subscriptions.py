"""The view of an interface whose requests create, change and delete subscriptions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.exceptions import ValidationError

from webhooks.delivery.wire import WireProfile
from webhooks.models import Partner, Subscription
from webhooks.operations import given_secrets, keys, secrets, subscriptions
from webhooks.operations.subscriptions import SubscriptionFields, SubscriptionIdentity

from . import view

MASK_GIVEN = "A masked secret can only stand for one that is stored."


@contextmanager
def mask_refused() -> Iterator[None]:
    """Say of a mask that stands for no secret that it is not valid."""
    try:
        yield
    except given_secrets.MaskGiven:
        raise ValidationError({"secrets": [MASK_GIVEN]}) from None


class SubscriptionView(view.ApiView):
    """`given` is what an interface has read of a body. The form of the console says with
    the same two methods what becomes of it."""

    # How deliveries to its subscriptions are made.
    profile: ClassVar[WireProfile]
    # Of this request: that they are shown is recorded once, however long a list is.
    has_shown_secrets = False

    # --- What an interface says -----------------------------------------------------

    @classmethod
    def identity(
        cls, partner: Partner, given: Mapping[str, Any], **fixed: Any
    ) -> SubscriptionIdentity:
        """The fields of a new subscription that never change."""
        return SubscriptionIdentity(
            partner=partner, dialect=cls.slug, profile=cls.profile.name, **fixed
        )

    @classmethod
    def changes(cls, given: Any, stored: Subscription | None) -> SubscriptionFields:
        """The fields of a new subscription, or what changes of the one that is stored."""
        raise NotImplementedError

    # --- What its views do ----------------------------------------------------------

    def secrets_of(self, row: Subscription) -> list[str]:
        """Those that sign, oldest first; each a mask where the caller lacks the scope
        `secrets:reveal`. That they are shown is recorded. To be called outside of a
        transaction. Raises encryption.Undecryptable."""
        now = timezone.now()
        if not self.caller.may(keys.REVEAL):
            return [given_secrets.MASK for _ in row.live_rows_of_secrets(now)]
        shown = row.live_secrets(now)
        if shown and not self.has_shown_secrets:
            self.has_shown_secrets = True
            secrets.note_shown(
                by=self.caller.actor, partner=self.partner, key=self.caller.key
            )
        return shown

    def create_subscription(self, given: Mapping[str, Any]) -> Subscription:
        """Raises ValidationError, and what subscriptions.create raises."""
        with mask_refused():
            return subscriptions.create(
                by=self.caller.actor,
                identity=self.identity(self.partner, given),
                **self.changes(given, None),
            )

    def put_subscription(self, given: Mapping[str, Any]) -> Subscription:
        """The only one of a key or of a shop; raises ValidationError, and what
        subscriptions.put raises."""
        with mask_refused():
            return subscriptions.put(
                by=self.caller.actor,
                identity=self.identity(self.partner, given),
                change=self.changes(given, None),
            )

    def update_subscription(
        self, row: Subscription, given: Mapping[str, Any]
    ) -> Subscription:
        """Raises ValidationError, and what subscriptions.update raises."""
        with mask_refused():
            return subscriptions.update(
                by=self.caller.actor,
                subscription=row,
                change=partial(self.changes, given),
            )

    def delete_subscription(self, row: Subscription) -> None:
        """Raises subscriptions.Deleted."""
        subscriptions.delete(by=self.caller.actor, subscription=row)
