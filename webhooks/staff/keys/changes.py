"""Keys issued, rotated and revoked.

The text of a new key stands on the page that answers the form, and nowhere else: not in a
message, a session, an address or a log. That page may not be kept by the browser, and a
form that is sent twice makes one key.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console import labels
from webhooks.console.actor import staff_actor
from webhooks.models import ApiKey, Partner
from webhooks.operations import keys
from webhooks.staff.pages import ConfirmPage, Crumb, FormPage
from webhooks.staff.partners.forms import PartnerField
from webhooks.staff.partners.views import levels

from . import usage
from .forms import IssueForm, RotateForm
from .views import above, dependents, found, history, replaced_by

MOST_OTHERS = 10
"""Other keys that are named before one is revoked; more are a link away."""


class NewKeyPage(FormPage):
    """A page whose form ends in a new key."""

    permission = "webhooks.issue_key"

    def shown_once(self, key: ApiKey, text: str, old: ApiKey | None) -> HttpResponse:
        return self.page(
            "Copy the key now",
            under=above(),
            template="staff/keys/shown.html",
            key=key,
            text=text,
            scopes=labels.scopes(key),
            shops=key.shops,
            old=old,
            **usage.context(self.request, key),
        )

    def sent_before(self, form: Form) -> HttpResponse:
        messages.warning(
            self.request,
            "This form was sent before, and its key was shown then. No second key was "
            "made. If nobody copied it, revoke this one and issue another.",
        )
        return redirect("staff:key", form.cleaned_data["id"])


class Issue(NewKeyPage):
    template = "staff/keys/issue.html"
    form_class = IssueForm
    title = "Issue an API key"
    act = "Issue the key"
    partner: Partner | None = None

    def get_initial(self) -> dict[str, Any]:
        self.partner = _partner(self.request.GET.get("partner", ""))
        return {"partner": self.partner.name} if self.partner else {}

    def above(self) -> Sequence[Crumb]:
        if self.partner is None:
            return above()
        return levels(self.partner)

    def context(self) -> dict[str, Any]:
        return {"is_off": self.partner is not None and not self.partner.is_active}

    def show(self, form: IssueForm, status: int = 200) -> HttpResponse:
        if form.is_bound:
            self.partner = form.cleaned_data.get("partner")
        return super().show(form, status)

    def form_valid(self, form: IssueForm) -> HttpResponse:
        try:
            key, text = keys.issue(
                by=staff_actor(self.request),
                now=timezone.now(),
                **form.fields_of_key(),
            )
        except keys.AlreadyIssued:
            return self.sent_before(form)
        return self.shown_once(key, text, old=None)


class Rotate(NewKeyPage):
    template = "staff/keys/rotate.html"
    form_class = RotateForm
    title = "Rotate this key"
    act = "Rotate the key"

    @cached_property
    def key(self) -> ApiKey:
        return found(self.kwargs["id"])

    def get_initial(self) -> dict[str, Any]:
        """What the page that leads here proposes; the form knows its choices."""
        overlap = self.request.GET.get("overlap")
        return super().get_initial() | ({"overlap": overlap} if overlap else {})

    def above(self) -> Sequence[Crumb]:
        return above(self.key)

    def context(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "dependents": dependents(self.key),
            "replaced_by": replaced_by(history(self.key)),
        }

    def show(self, form: RotateForm, status: int = 200) -> HttpResponse:
        if self.key.is_revoked or self.key.is_expired_at(timezone.now()):
            return self._closed()
        return super().show(form, status)

    def form_valid(self, form: RotateForm) -> HttpResponse:
        try:
            key, text = keys.rotate(
                by=staff_actor(self.request),
                key=self.key,
                now=timezone.now(),
                **form.cleaned_data,
            )
        except keys.AlreadyIssued:
            return self.sent_before(form)
        except keys.Closed:
            return self._closed()
        return self.shown_once(key, text, old=found(self.key.id))

    def _closed(self) -> HttpResponse:
        messages.error(
            self.request,
            "This key was revoked or has expired: it cannot be rotated. Issue another key "
            "instead.",
        )
        return redirect("staff:key", self.key.id)


class Revoke(ConfirmPage):
    permission = "webhooks.revoke_key"
    template = "staff/keys/revoke.html"
    title = "Revoke this key"
    dangerous = True

    @cached_property
    def key(self) -> ApiKey:
        return found(self.kwargs["id"])

    def above(self) -> Sequence[Crumb]:
        return above(self.key)

    def obstacle(self) -> HttpResponse | None:
        if not self.key.is_revoked:
            return None
        text = "This key was revoked before. There is nothing left to do."
        messages.info(self.request, text)
        return redirect("staff:key", self.key.id)

    def context(self) -> dict[str, Any]:
        key, now = self.key, timezone.now()
        same = ApiKey.objects.usable_at(now).filter(
            partner=key.partner_id, kind=key.kind
        )
        others = same.exclude(pk=key.pk).order_by("-created_at", "-id")
        named = list(others[: MOST_OTHERS + 1])
        return {
            "key": key,
            "is_expired": key.is_expired_at(now),
            "others": named[:MOST_OTHERS],
            "has_more": len(named) > MOST_OTHERS,
            "dependents": dependents(key),
        }

    def form_valid(self, form: Form) -> HttpResponse:
        keys.revoke(by=staff_actor(self.request), key=self.key, now=timezone.now())
        messages.success(
            self.request,
            f"The key {labels.key(self.key)} is revoked: every API refuses it from now on. "
            "Tell whoever uses it, and give them another.",
        )
        return redirect("staff:key", self.key.id)


def _partner(text: str) -> Partner | None:
    """The partner in the address; the form asks for one that is not found."""
    try:
        return PartnerField(required=False).clean(text)
    except ValidationError:
        return None
