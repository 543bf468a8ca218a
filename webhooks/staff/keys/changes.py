"""Keys issued, rotated and revoked.

The text of a new key stands on the page that answers the form, and nowhere else: not in a
message, a session, an address or a log. That page may not be kept by the browser, and a
form that is sent twice makes one key.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from webhooks.console.actor import staff_actor
from webhooks.models import ApiKey, Partner
from webhooks.operations import keys as operations
from webhooks.staff.pages import Crumb, Page
from webhooks.staff.partners.forms import PartnerField

from . import keys
from .forms import IssueKey, RotateKey
from .views import above, found, history, replaced_by, where

MOST_OTHERS = 10
"""Other keys that are named before one is revoked; more are a link away."""


class MakesKey(Page):
    """A page whose form ends in a new key."""

    permission = "webhooks.issue_key"

    def shown_once(
        self, key: ApiKey, text: str, *, under: tuple[Crumb, ...], **context: Any
    ) -> HttpResponse:
        return self.page(
            "Copy the key now",
            under=under,
            template="staff/keys/shown.html",
            key=key,
            text=text,
            acts=keys.acts(key),
            shops=key.shops,
            is_refused=keys.state(key, at=timezone.now()) == "off",
            **{"old": None, **context},
            **where(self.request, key),
        )

    def sent_before(self, made: Any) -> HttpResponse:
        messages.warning(
            self.request,
            "This form was sent before, and its key was shown then. No second key was "
            "made. If nobody copied it, revoke this one and issue another.",
        )
        return redirect("staff:key", made)


class Issue(MakesKey):
    template = "staff/keys/issue.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        partner = _named(request.GET.get("partner", ""))
        form = IssueKey(initial={"partner": partner.name} if partner else {})
        return self._asked(form, partner)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = IssueKey(request.POST)
        if not form.is_valid():
            return self._asked(form, form.cleaned_data.get("partner"), status=422)
        wanted = form.wanted()
        try:
            key, text = operations.issue(
                by=staff_actor(request), now=timezone.now(), **wanted
            )
        except operations.AlreadyIssued:
            return self.sent_before(wanted["id"])
        return self.shown_once(key, text, under=above())

    def _asked(
        self, form: IssueKey, partner: Partner | None, status: int = 200
    ) -> HttpResponse:
        return self.page(
            "Issue an API key",
            under=above(),
            status=status,
            form=form,
            is_off=partner is not None and not partner.is_active,
            back=reverse("staff:partner", args=[partner.id])
            if partner
            else reverse("staff:keys"),
        )


class Rotate(MakesKey):
    template = "staff/keys/rotate.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        return self._asked(found(id), RotateKey(initial=_overlap(request)))

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        old, form = found(id), RotateKey(request.POST)
        if not form.is_valid():
            return self._asked(old, form, status=422)
        try:
            key, text = operations.rotate(
                by=staff_actor(request),
                key=old,
                now=timezone.now(),
                overlap=form.cleaned_data["overlap"],
                id=form.cleaned_data["key_id"],
            )
        except operations.AlreadyIssued:
            return self.sent_before(form.cleaned_data["key_id"])
        except operations.Closed:
            return self._closed(old)
        return self.shown_once(key, text, under=above(), old=found(id))

    def _asked(self, old: ApiKey, form: RotateKey, status: int = 200) -> HttpResponse:
        if old.is_revoked or old.is_expired_at(timezone.now()):
            return self._closed(old)
        return self.page(
            "Rotate this key",
            under=above(old),
            status=status,
            form=form,
            key=old,
            hanging=keys.hanging(old),
            replaced_by=replaced_by(history(old)),
        )

    def _closed(self, old: ApiKey) -> HttpResponse:
        messages.error(
            self.request,
            "This key is closed already: it was revoked, or has expired. There is nothing "
            "to rotate; issue another key instead.",
        )
        return redirect("staff:key", old.id)


class Revoke(Page):
    permission = "webhooks.revoke_key"
    template = "staff/keys/revoke.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        key, now = found(id), timezone.now()
        if key.is_revoked:
            return self._was_revoked(key)
        others = list(keys.others(key, at=now)[: MOST_OTHERS + 1])
        return self.page(
            "Revoke this key",
            under=above(key),
            act="Revoke this key",
            back=reverse("staff:key", args=[id]),
            dangerous=True,
            form=None,
            key=key,
            is_expired=key.is_expired_at(now),
            others=others[:MOST_OTHERS],
            has_more=len(others) > MOST_OTHERS,
            hanging=keys.hanging(key),
        )

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        key = found(id)
        if key.is_revoked:
            return self._was_revoked(key)
        operations.revoke(by=staff_actor(request), key=key, now=timezone.now())
        messages.success(
            request,
            f"The key {keys.shown(key)} is revoked: it is refused from now on, everywhere. "
            "Tell whoever uses it, and give them another.",
        )
        return redirect("staff:key", id)

    def _was_revoked(self, key: ApiKey) -> HttpResponse:
        messages.info(
            self.request, "This key was revoked before. There is nothing left to do."
        )
        return redirect("staff:key", key.id)


def _named(partner: str) -> Partner | None:
    """The partner that an address names; who it fits none of is asked for by the form."""
    try:
        return PartnerField(required=False).clean(partner)
    except ValidationError:
        return None


def _overlap(request: HttpRequest) -> dict[str, str]:
    """What the page that leads here proposes; the form knows its choices."""
    wanted = request.GET.get("overlap")
    return {"overlap": wanted} if wanted else {}
