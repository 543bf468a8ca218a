"""API keys: the list, one of them, and issuing, rotating and revoking one.

The text of a new key is on the page that answers the form, and nowhere else: not in a
message, a session, an address or a log. The browser may not keep that page, and a form that
is sent twice makes one key.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from webhooks.console import labels, paging
from webhooks.console.actor import staff_actor
from webhooks.models import ApiKey, AuditEntry, Partner, Subscription, keyformat
from webhooks.operations import access, keys
from webhooks.staff.pages import Crumb, FormPage, List, Page, admin_row, crumb
from webhooks.staff.partners import views as partners
from webhooks.staff.partners.forms import PartnerField

from . import usage
from .forms import IssueForm, KeyFilters, RevokeForm, RotateForm, without_keys

HISTORY = 20
"""Changes that a key's page shows; it has a handful in its life."""

MOST_OTHERS = 10
"""Other keys that are named before one is revoked; more are a link away."""


class Keys(List):
    permission = "webhooks.view_apikey"
    title = "API keys"
    template = "staff/keys/list.html"
    filters = KeyFilters
    keyset = paging.Keyset("created_at", "id")

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if (shorter := without_keys(request.GET)) is not None:
            messages.warning(
                request,
                "A whole key was typed here and is now in your browser's history. Only "
                "its beginning was looked for. If it still works, revoke it.",
            )
            # The address that holds it is left at once.
            return redirect(reverse("staff:keys") + shorter)
        return super().get(request)

    def rows(self) -> Any:
        return ApiKey.objects.select_related("partner")


class KeyPage(Page):
    """A page about the key in the address."""

    @cached_property
    def key(self) -> ApiKey:
        rows = ApiKey.objects.select_related("partner")
        return get_object_or_404(rows, id=self.kwargs["id"])

    def above(self) -> Sequence[Crumb]:
        name = labels.key(self.key)
        return crumb("API keys", "keys"), crumb(name, "key", self.key.id)

    def dependents(self, keys: Sequence[Any] = ()) -> Any:
        """The settings that a dialect keeps for these keys, or for this one."""
        rows = Subscription.objects.live().filter(api_key__in=keys or [self.key.pk])
        return rows.order_by("dialect", "id")

    @cached_property
    def descendants(self) -> list[ApiKey]:
        """The keys that rotations have made of it and that are not revoked."""
        made = access.chain(self.key).descendants
        return [key for key in made if not key.is_revoked]

    def history(self) -> list[AuditEntry]:
        """The audit entries of the key, the latest first."""
        rows = AuditEntry.objects.filter(
            target_type="key", target_id=str(self.key.id)
        ).order_by("-at", "-id")
        return list(rows[:HISTORY])


class Detail(KeyPage):
    permission = "webhooks.view_apikey"
    template = "staff/keys/key.html"

    @property
    def title(self) -> str:
        return f"Key {self.key.name or labels.key(self.key)}"

    def above(self) -> Sequence[Crumb]:
        return super().above()[:1]

    def context(self) -> dict[str, Any]:
        key, changes = self.key, self.history()
        return {
            "key": key,
            "is_closed": key.state in (ApiKey.State.REVOKED, ApiKey.State.EXPIRED),
            "is_pepper_configured": key.pepper in keyformat.peppers(),
            "scopes": labels.scopes(key),
            "shops": key.shops,
            "descendants": self.descendants,
            "dependents": self.dependents(),
            "history": changes,
            "issued": next((e for e in changes if e.action == "key.issued"), None),
            "row": admin_row(key),
            **usage.context(self.request, key),
        }


class NewKeyPage(FormPage):
    """A page whose form makes a new key."""

    permission = "webhooks.issue_key"
    sent_before = (
        "This form was sent before, and its key was shown then. No second key was made. "
        "If nobody copied it, revoke this one and issue another."
    )

    def shown_once(self, key: ApiKey, text: str, old: ApiKey | None) -> HttpResponse:
        response = self.page(
            "Copy the key now",
            template="staff/keys/shown.html",
            under=[crumb("API keys", "keys")],
            key=key,
            text=text,
            scopes=labels.scopes(key),
            shops=key.shops,
            old=old,
            **usage.context(self.request, key),
        )
        response["Content-Location"] = reverse("staff:key", args=[key.id])
        return response


class Issue(NewKeyPage):
    template = "staff/keys/issue.html"
    form_class = IssueForm
    title = "Issue an API key"
    act = "Issue the key"
    partner: Partner | None = None

    def get_initial(self) -> dict[str, Any]:
        """The partner in the address, if there is such a partner."""
        field = PartnerField(required=False)
        try:
            self.partner = field.clean(self.request.GET.get("partner", ""))
        except ValidationError:
            self.partner = None
        return {"partner": self.partner.name} if self.partner else {}

    def above(self) -> Sequence[Crumb]:
        if self.partner is None:
            return [crumb("API keys", "keys")]
        return partners.above(self.partner)

    def context(self) -> dict[str, Any]:
        is_off = self.partner is not None and not self.partner.is_active
        return {"off": ApiKey.State.OFF if is_off else None}

    def show(self, form: Any, status: int = 200, **more: Any) -> HttpResponse:
        if form.is_bound:
            self.partner = form.cleaned_data.get("partner")
        return super().show(form, status, **more)

    def form_valid(self, form: IssueForm) -> HttpResponse:
        by = staff_actor(self.request)
        key, text = keys.issue(by=by, **form.fields_of_key())
        return self.shown_once(key, text, old=None)


class Rotate(KeyPage, NewKeyPage):
    permission = NewKeyPage.permission
    template = "staff/keys/rotate.html"
    form_class = RotateForm
    title = "Rotate this key"
    act = "Rotate the key"
    refusals = {
        keys.Unusable: (
            messages.ERROR,
            "This key was revoked or has expired: it cannot be rotated. Issue another one.",
        )
    }

    def get_initial(self) -> dict[str, Any]:
        """The overlap in the address, which a link may propose."""
        overlap = self.request.GET.get("overlap")
        return super().get_initial() | ({"overlap": overlap} if overlap else {})

    def context(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "dependents": self.dependents(),
        }

    def show(self, form: Any, status: int = 200, **more: Any) -> HttpResponse:
        if self.key.is_revoked or self.key.is_expired_at(timezone.now()):
            level, text = self.refusals[keys.Unusable]
            return self.leave(text, level)
        return super().show(form, status, **more)

    def form_valid(self, form: RotateForm) -> HttpResponse:
        by = staff_actor(self.request)
        key, text = keys.rotate(by=by, key=self.key, **form.cleaned_data)
        old = ApiKey.objects.select_related("partner").get(id=self.key.id)
        return self.shown_once(key, text, old=old)


class Revoke(KeyPage, FormPage):
    permission = "webhooks.revoke_key"
    template = "staff/keys/revoke.html"
    form_class = RevokeForm
    title = "Revoke this key"
    dangerous = True

    def obstacle(self) -> HttpResponse | None:
        if not self.key.is_revoked or self.descendants:
            return None
        text = "This key was revoked before. There is nothing left to do."
        return self.leave(text, messages.INFO)

    def context(self) -> dict[str, Any]:
        key, now = self.key, timezone.now()
        same = ApiKey.objects.usable_at(now).filter(
            partner=key.partner_id, kind=key.kind
        )
        taken = [key.pk, *(each.pk for each in self.descendants)]
        others = same.exclude(pk__in=taken).order_by("-created_at", "-id")
        named = list(others[: MOST_OTHERS + 1])
        return {
            "key": key,
            "is_expired": key.is_expired_at(now),
            "descendants": self.descendants,
            "others": named[:MOST_OTHERS],
            "has_more": len(named) > MOST_OTHERS,
            "dependents": self.dependents(taken),
        }

    def form_valid(self, form: RevokeForm) -> HttpResponse:
        revoked = keys.revoke(
            by=staff_actor(self.request),
            key=self.key,
            with_descendants=not form.cleaned_data["keep_descendants"],
        )
        if len(revoked) <= 1:
            text = f"The key {labels.key(self.key)} is revoked: every API refuses it"
        else:
            names = ", ".join(labels.key(each) for each in revoked)
            text = f"The keys {names} are revoked: every API refuses them"
        return self.leave(
            f"{text} from now on. Tell whoever uses it, and give them another."
        )
