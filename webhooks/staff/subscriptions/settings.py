"""The settings of a subscription: a new one, or one that exists."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from webhooks.console.actor import staff_actor
from webhooks.models import ApiKey, AuditEntry
from webhooks.operations import subscriptions
from webhooks.rest import interfaces
from webhooks.rest.forms import SubscriptionForm
from webhooks.staff.pages import Crumb, FormPage, Page

from .forms import TargetForm
from .views import SubscriptionPage, above

QUEUED = (
    "A new URL holds for later events: deliveries that are already queued still go to "
    "the URL they were queued to."
)


@method_decorator(sensitive_post_parameters("secrets"), name="dispatch")
class New(Page):
    """A form for the partner and the dialect in the address; without one, the choice."""

    permission = "webhooks.add_subscription"
    template = "staff/subscriptions/new.html"

    def above(self) -> Sequence[Crumb]:
        return above()

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        target = TargetForm(request.GET or None)
        if target.is_valid():
            return self._settings(target, self._form(target))
        # A link may name the partner only: that is no error.
        if "dialect" not in request.GET:
            target = TargetForm(initial=request.GET.dict())
        return self._target(target)

    def post(self, request: HttpRequest) -> HttpResponse:
        target = TargetForm(request.GET)
        if not target.is_valid():
            return self._target(target)
        form = self._form(target, request.POST)
        created = form.save(by=staff_actor(request)) if form.is_valid() else None
        if created is None:
            return self._settings(target, form, status=422)
        messages.success(request, _created_text(target.chosen))
        return redirect("staff:subscription", created.id)

    def _form(self, target: TargetForm, data: Any = None) -> SubscriptionForm:
        return target.chosen.form(target.cleaned_data["partner"], data=data)

    def _target(self, target: TargetForm) -> HttpResponse:
        status = 422 if target.is_bound else 200
        return self.page(
            "New subscription",
            template="console/form.html",
            status=status,
            form=target,
            method="get",
            lead="Choose whose subscription it is, and in which API the partner will see it.",
            act="Continue",
            back=self.above()[-1].address,
        )

    def _settings(
        self, target: TargetForm, form: SubscriptionForm, *, status: int = 200
    ) -> HttpResponse:
        partner = form.partner
        return self.page(
            f"New {target.chosen.title} subscription",
            status=status,
            dialect=target.chosen,
            partner=partner,
            form=form,
            existing=form.existing(partner),
            usable_keys=ApiKey.objects.of(partner).usable_at(timezone.now()),
        )


@method_decorator(sensitive_post_parameters("secrets"), name="dispatch")
class Edit(SubscriptionPage, FormPage):
    permission = "webhooks.change_subscription"
    template = "staff/subscriptions/edit.html"

    @property
    def title(self) -> str:
        return f"Edit {self.subscription}"

    def get_form(self, form_class: Any = None) -> SubscriptionForm:
        row = self.subscription
        if (dialect := interfaces.get(row.dialect)) is None:
            raise Http404
        data = self.request.POST if self.request.method == "POST" else None
        return dialect.form(row.partner, row, data)

    def context(self) -> dict[str, Any]:
        row = self.subscription
        return {
            "subscription": row,
            "dialect": interfaces.get(row.dialect),
            "seen": self.request.POST.get("seen", row.updated_at.isoformat()),
            "queued": QUEUED,
            "latest": None,
        }

    def form_valid(self, form: SubscriptionForm) -> HttpResponse:
        row = form.instance
        if _moment(self.request.POST.get("seen", "")) != row.updated_at:
            return self._overtaken(form)
        if not form.has_changed():
            return self.leave("Nothing was changed.", messages.INFO)
        try:
            saved = form.save(by=staff_actor(self.request), seen=row.updated_at)
        except subscriptions.Overtaken:
            del self.subscription
            return self._overtaken(self.get_form())
        except subscriptions.Deleted:
            raise Http404 from None
        if saved is None:
            return self.show(form, 422)
        return self.leave(f"Saved. {QUEUED}" if form.changes_urls else "Saved.")

    def _overtaken(self, form: SubscriptionForm) -> HttpResponse:
        """The form as it was filled in, beside what is there now. Saving it again replaces
        that."""
        form.overtaken = True
        row = form.instance
        changes = AuditEntry.objects.filter(
            target_type="subscription", target_id=str(row.id)
        )
        latest = changes.order_by("-id").defer("before", "after").first()
        return self.show(form, 409, latest=latest, seen=row.updated_at.isoformat())


def _moment(text: str) -> datetime | None:
    """The time in a hidden field; None if it is not a time."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _created_text(dialect: interfaces.Interface) -> str:
    if dialect.profile.new_secret is None:
        return f"It is created. {dialect.title} signs nothing, so it has no secret."
    return (
        "It is created, with a secret that signs its deliveries: whoever may reveal it "
        "finds it on this page, under Signing secrets."
    )
