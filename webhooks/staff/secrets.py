"""Signing secrets: shown to those who may see them, and rotated.

The text of a secret is on the page that answers a POST, and nowhere else: not in a
message, a session, an address or a log.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property

from webhooks.console.actor import staff_actor
from webhooks.models import SigningSecret, encryption
from webhooks.operations import rotation, secrets, subscriptions

from .pages import Crumb, FormPage
from .subscriptions import overview
from .subscriptions.views import SubscriptionPage, above

UNREADABLE = (
    "The secret cannot be read: the encryption key it was written under is not "
    "configured, or it was altered. Nothing can be signed with it. Configure the key "
    "again (ENCRYPTION_KEYS), or rotate the secret."
)

_OVERLAPS = {
    "0": ("not at all: it ends now", timedelta(0)),
    "1h": ("one hour", timedelta(hours=1)),
    "24h": ("24 hours", rotation.DEFAULT_OVERLAP),
    "7d": ("7 days", rotation.MAX_OVERLAP),
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
    # The newest secret when the form was made: nobody ends one that they have not seen.
    seen = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def clean_overlap(self) -> timedelta:
        return _OVERLAPS[self.cleaned_data["overlap"]][1]


class Reveal(FormPage):
    """GET asks for confirmation; POST shows the secret."""

    permission = "webhooks.reveal_secret"
    template = "staff/secrets/reveal.html"
    title = "Show a signing secret"
    act = "Show it"
    refusals = {
        secrets.Expired: (messages.ERROR, "That secret was replaced or has expired."),
        encryption.Undecryptable: (messages.ERROR, UNREADABLE),
    }

    @cached_property
    def secret(self) -> SigningSecret:
        rows = SigningSecret.objects.select_related("subscription__partner")
        return get_object_or_404(rows, id=self.kwargs["id"])

    def above(self) -> Sequence[Crumb]:
        return above(self.secret.subscription)

    def context(self) -> dict[str, Any]:
        return {"secret": self.secret}

    def form_valid(self, form: forms.Form) -> HttpResponse:
        text = secrets.reveal(by=staff_actor(self.request), secret=self.secret)
        return self.page(
            "A signing secret",
            template="staff/secrets/shown.html",
            secret=self.secret,
            text=text,
            is_new=False,
            older=None,
        )


class Rotate(SubscriptionPage, FormPage):
    permission = "webhooks.change_subscription"
    template = "staff/secrets/rotate.html"
    form_class = RotationForm
    title = "Rotate the signing secret"
    act = "Rotate the secret"
    sent_before = (
        "This form was sent before. The secret was rotated once, and is below."
    )
    refusals = {
        secrets.NotSigned: (
            messages.ERROR,
            "Deliveries of this subscription are not signed.",
        ),
        subscriptions.Overtaken: (
            messages.WARNING,
            "The secret was replaced since this form was opened. No second one was made.",
        ),
        subscriptions.Deleted: (
            messages.ERROR,
            "The subscription was deleted meanwhile.",
        ),
    }

    @cached_property
    def signing(self) -> overview.Signing:
        return overview.signing(self.subscription)

    def get_initial(self) -> dict[str, Any]:
        listed = self.signing.secrets if self.request.method == "GET" else ()
        return {"seen": listed[-1].row.id if listed else None}

    def context(self) -> dict[str, Any]:
        obstacle = ""
        if not self.signing.is_signed:
            obstacle = "Deliveries of this dialect are not signed, so it has no secret."
        return {
            "subscription": self.subscription,
            "signing": self.signing,
            "obstacle": obstacle,
        }

    def form_valid(self, form: RotationForm) -> HttpResponse:
        by, text = staff_actor(self.request), None
        new = secrets.rotate(by=by, subscription=self.subscription, **form.cleaned_data)
        if self.request.user.has_perm(Reveal.permission):
            text = secrets.reveal(by=by, secret=new)
        live = overview.signing(self.subscription)
        response = self.page(
            "The secret is rotated",
            template="staff/secrets/shown.html",
            secret=new,
            text=text,
            is_new=True,
            older=next((each.row for each in live.secrets if each.row != new), None),
            signing=live,
        )
        response["Content-Location"] = self.above()[-1].address
        return response
