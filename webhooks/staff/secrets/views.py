"""Signing secrets: shown to those who may see them, and rotated.

The text of a secret stands on the page that answers a POST, and nowhere else: not in a
message, a session, an address or a log.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console.actor import staff_actor
from webhooks.models import SigningSecret, Subscription, encryption
from webhooks.operations import overlaps, secrets, subscriptions
from webhooks.staff.pages import ConfirmPage, Crumb, FormPage
from webhooks.staff.subscriptions.views import above, found

from . import signing

UNREADABLE = (
    "The secret cannot be read: the encryption key it was written under is not "
    "configured, or it was altered. Nothing can be signed with it. Configure the key "
    "again (ENCRYPTION_KEYS), or rotate the secret."
)

_OVERLAPS = {
    "0": ("not at all: it ends now", timedelta(0)),
    "1h": ("one hour", timedelta(hours=1)),
    "24h": ("24 hours", overlaps.DEFAULT),
    "7d": ("7 days", overlaps.MAX),
}


class RotationForm(forms.Form):
    overlap = forms.ChoiceField(
        label="How long the older secret goes on signing",
        initial="24h",
        widget=forms.RadioSelect,
        choices=[(name, label) for name, (label, _) in _OVERLAPS.items()],
        help_text="After a leak it ends now: the receiver refuses deliveries until it knows "
        "the new secret, and what it refuses is retried on the schedule.",
    )
    # The newest secret when the form was made, so that one form rotates once.
    replacing = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def clean_overlap(self) -> timedelta:
        return _OVERLAPS[self.cleaned_data["overlap"]][1]


class Reveal(ConfirmPage):
    """Asks by GET, shows by POST."""

    permission = "webhooks.reveal_secret"
    template = "staff/secrets/reveal.html"
    title = "Show a signing secret"
    act = "Show it"

    @cached_property
    def secret(self) -> SigningSecret:
        rows = SigningSecret.objects.select_related("subscription__partner")
        return get_object_or_404(rows, id=self.kwargs["id"])

    def above(self) -> Sequence[Crumb]:
        return above(self.secret.subscription)

    def context(self) -> dict[str, Any]:
        return {"secret": self.secret}

    def form_valid(self, form: forms.Form) -> HttpResponse:
        try:
            text = secrets.reveal(
                by=staff_actor(self.request), secret=self.secret, now=timezone.now()
            )
        except secrets.Gone:
            messages.error(self.request, "That secret was replaced or has expired.")
        except encryption.Undecryptable:
            messages.error(self.request, UNREADABLE)
        else:
            return self.page(
                "A signing secret",
                under=self.above(),
                template="staff/secrets/shown.html",
                secret=self.secret,
                text=text,
                is_new=False,
                older=None,
            )
        return redirect("staff:subscription", self.secret.subscription_id)


class Rotate(FormPage):
    permission = "webhooks.change_subscription"
    template = "staff/secrets/rotate.html"
    form_class = RotationForm
    title = "Rotate the signing secret"
    act = "Rotate the secret"

    @cached_property
    def subscription(self) -> Subscription:
        return found(self.kwargs["id"], live=True)

    @cached_property
    def signing(self) -> signing.Signing:
        return signing.of(self.subscription, now=timezone.now())

    def get_initial(self) -> dict[str, Any]:
        listed = self.signing.secrets if self.request.method == "GET" else ()
        return {"replacing": listed[-1].row.id if listed else None}

    def above(self) -> Sequence[Crumb]:
        return above(self.subscription)

    def context(self) -> dict[str, Any]:
        return {"subscription": self.subscription, "signing": self.signing}

    def form_valid(self, form: RotationForm) -> HttpResponse:
        try:
            new = secrets.rotate(
                by=staff_actor(self.request),
                subscription=self.subscription,
                now=timezone.now(),
                **form.cleaned_data,
            )
        except secrets.NotSigned:
            text = "Deliveries of this subscription are not signed."
            messages.error(self.request, text)
        except secrets.Gone:
            messages.warning(
                self.request,
                "The secret was replaced since this form was opened, by this form or by "
                "somebody else. No second one was made: look below before you rotate.",
            )
        except subscriptions.Deleted:
            messages.error(self.request, "The subscription was deleted meanwhile.")
        else:
            return self._rotated(new)
        return redirect("staff:subscription", self.subscription.id)

    def _rotated(self, new: SigningSecret) -> HttpResponse:
        now, text = timezone.now(), None
        if self.request.user.has_perm(Reveal.permission):
            text = secrets.reveal(by=staff_actor(self.request), secret=new, now=now)
        live = signing.of(self.subscription, now=now)
        return self.page(
            "The secret is rotated",
            under=self.above(),
            template="staff/secrets/shown.html",
            secret=new,
            text=text,
            is_new=True,
            older=next((each.row for each in live.secrets if each.row != new), None),
            signing=live,
        )
