"""Signing secrets: shown to who may see them, and replaced.

The text of a secret stands on the page that answers a POST, and nowhere else: not in a
message, a session, an address or a log.
"""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from webhooks.console.actor import staff_actor
from webhooks.models import SigningSecret, Subscription, encryption
from webhooks.operations import secrets, subscriptions
from webhooks.staff.pages import Page
from webhooks.staff.subscriptions.views import above, found

from . import signing
from .forms import Rotation

UNREADABLE = (
    "The secret cannot be read: the encryption key it was written under is not "
    "configured, or it was altered. Nothing can be signed with it. Configure the key "
    "again (ENCRYPTION_KEYS), or rotate the secret."
)


class Reveal(Page):
    """Asks by GET, shows by POST."""

    permission = "webhooks.reveal_secret"
    template = "staff/secrets/reveal.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        secret = _secret(id)
        return self.page(
            "Show a signing secret",
            under=above(secret.subscription),
            secret=secret,
            act="Show it",
            dangerous=False,
            form=None,
            back=_address(secret.subscription),
        )

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        secret = _secret(id)
        try:
            text = secrets.reveal(
                by=staff_actor(request), secret=secret, now=timezone.now()
            )
        except secrets.Gone:
            messages.error(request, "That secret was replaced or has expired.")
        except encryption.Undecryptable:
            messages.error(request, UNREADABLE)
        else:
            return self.page(
                "A signing secret",
                under=above(secret.subscription),
                template="staff/secrets/shown.html",
                secret=secret,
                text=text,
                is_new=False,
                older=None,
                address=_address(secret.subscription),
            )
        return redirect("staff:subscription", secret.subscription_id)


class Rotate(Page):
    permission = "webhooks.change_subscription"
    template = "staff/secrets/rotate.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        subscription = found(id, live=True)
        signs = signing.of(subscription, now=timezone.now())
        newest = signs.secrets[-1].row.id if signs.secrets else None
        form = Rotation(initial={"replacing": newest})
        return self._asked(subscription, form, signs)

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        subscription, form = found(id, live=True), Rotation(request.POST)
        if not form.is_valid():
            signs = signing.of(subscription, now=timezone.now())
            return self._asked(subscription, form, signs, status=422)
        try:
            new = secrets.rotate(
                by=staff_actor(request),
                subscription=subscription,
                now=timezone.now(),
                **form.cleaned_data,
            )
        except secrets.NotSigned:
            messages.error(request, "Deliveries of this subscription are not signed.")
        except secrets.Gone:
            messages.warning(
                request,
                "The secret was replaced since this form was opened, by this form or by "
                "somebody else. No second one was made: look below before you rotate.",
            )
        except subscriptions.Deleted:
            messages.error(request, "The subscription was deleted in the meantime.")
        else:
            return self._rotated(subscription, new)
        return redirect("staff:subscription", id)

    def _rotated(self, subscription: Subscription, new: SigningSecret) -> HttpResponse:
        now = timezone.now()
        text = None
        if self.request.user.has_perm(Reveal.permission):
            text = secrets.reveal(by=staff_actor(self.request), secret=new, now=now)
        signs = signing.of(subscription, now=now)
        return self.page(
            "The secret is rotated",
            under=above(subscription),
            template="staff/secrets/shown.html",
            secret=new,
            text=text,
            is_new=True,
            older=next((m.row for m in signs.secrets if m.row.id != new.id), None),
            signing=signs,
            address=_address(subscription),
        )

    def _asked(
        self,
        subscription: Subscription,
        form: Rotation,
        signs: signing.Signing,
        status: int = 200,
    ) -> HttpResponse:
        return self.page(
            "Rotate the signing secret",
            under=above(subscription),
            status=status,
            subscription=subscription,
            form=form,
            signing=signs,
            back=_address(subscription),
        )


def _secret(id: UUID) -> SigningSecret:
    rows = SigningSecret.objects.select_related("subscription__partner")
    secret = rows.filter(id=id).first()
    if secret is None:
        raise Http404
    return secret


def _address(subscription: Subscription) -> str:
    return reverse("staff:subscription", args=[subscription.id])
