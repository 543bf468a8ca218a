"""The settings of a subscription: of a new one, and of one that is there."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from webhooks.console.actor import staff_actor
from webhooks.models import ApiKey, AuditEntry, Subscription
from webhooks.operations import subscriptions
from webhooks.rest import interfaces
from webhooks.rest.forms import SubscriptionForm
from webhooks.staff.pages import Crumb, Page

from .forms import TargetForm

QUEUED = (
    "A new URL holds for later events: deliveries that are already queued still go to "
    "the URL they were queued to."
)


@method_decorator(sensitive_post_parameters("secrets"), name="dispatch")
class New(Page):
    """A form for the partner and the dialect in the address; without one, the choice."""

    permission = "webhooks.add_subscription"
    template = "staff/subscriptions/new.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        target = TargetForm(request.GET or None)
        if target.is_valid():
            return self._asked(target, self._form(target))
        # Of a page that only names the partner, nothing is wrong yet.
        if "dialect" not in request.GET:
            target = TargetForm(initial=request.GET.dict())
        return self._asked(target, status=422 if target.is_bound else 200)

    def post(self, request: HttpRequest) -> HttpResponse:
        target = TargetForm(request.GET)
        if not target.is_valid():
            return self._asked(target, status=422)
        id = _uuid(request.POST.get("id", ""))
        if created := self._created(target, id):
            return self._sent_twice(created)
        form = self._form(target, request.POST)
        created = None
        if form.is_valid():
            created = form.save(by=staff_actor(request), id=id)
        if created is None:
            if created := self._created(target, id):
                return self._sent_twice(created)
            return self._asked(target, form, status=422)
        messages.success(request, _created_text(target.chosen))
        return redirect("staff:subscription", created.id)

    def _form(self, target: TargetForm, data: Any = None) -> SubscriptionForm:
        return target.chosen.form(target.cleaned_data["partner"], data=data)

    def _created(self, target: TargetForm, id: UUID | None) -> Subscription | None:
        """What the same form, sent before, has created."""
        rows = Subscription.objects.filter(partner=target.cleaned_data["partner"])
        return rows.filter(id=id).first() if id else None

    def _sent_twice(self, created: Subscription) -> HttpResponse:
        messages.info(self.request, "The form was sent twice; it is created once.")
        return redirect("staff:subscription", created.id)

    def _asked(
        self,
        target: TargetForm,
        form: SubscriptionForm | None = None,
        *,
        status: int = 200,
    ) -> HttpResponse:
        if form is None:
            return self.page(
                "New subscription",
                under=(_above(),),
                status=status,
                target=target,
                form=None,
            )
        partner = form.partner
        return self.page(
            f"New {target.chosen.title} subscription",
            under=(_above(),),
            status=status,
            dialect=target.chosen,
            partner=partner,
            form=form,
            id=_uuid(self.request.POST.get("id", "")) or uuid4(),
            existing=form.existing(partner),
            usable_keys=ApiKey.objects.of(partner).usable_at(timezone.now()),
        )


@method_decorator(sensitive_post_parameters("secrets"), name="dispatch")
class Edit(Page):
    permission = "webhooks.change_subscription"
    template = "staff/subscriptions/edit.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        return self._asked(self._form(id))

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        form = self._form(id, request.POST)
        row = form.instance
        if not form.is_valid():
            return self._asked(form, status=422, seen=request.POST.get("seen"))
        if _moment(request.POST.get("seen", "")) != row.updated_at:
            return self._overtaken(form)
        if not form.has_changed():
            messages.info(request, "Nothing was changed.")
            return redirect("staff:subscription", row.id)
        try:
            form.save(by=staff_actor(request), seen=row.updated_at)
        except subscriptions.Overtaken:
            return self._overtaken(self._form(id, request.POST))
        except subscriptions.Deleted:
            raise Http404 from None
        text = f"Saved. {QUEUED}" if form.changes_urls else "Saved."
        messages.success(request, text)
        return redirect("staff:subscription", row.id)

    def _form(self, id: UUID, data: Any = None) -> SubscriptionForm:
        rows = Subscription.objects.live().select_related("partner", "api_key")
        row = get_object_or_404(rows, id=id)
        if (dialect := interfaces.get(row.dialect)) is None:
            raise Http404
        return dialect.form(row.partner, row, data)

    def _overtaken(self, form: SubscriptionForm) -> HttpResponse:
        """The form as it was filled in, beside what is there now; saving it again is
        meant."""
        form.overtaken = True
        changes = AuditEntry.objects.filter(
            target_type="subscription", target_id=str(form.instance.id)
        )
        latest = changes.order_by("-id").defer("before", "after").first()
        return self._asked(form, status=409, latest=latest)

    def _asked(
        self,
        form: SubscriptionForm,
        *,
        status: int = 200,
        seen: str | None = None,
        latest: AuditEntry | None = None,
    ) -> HttpResponse:
        row = form.instance
        address = reverse("staff:subscription", args=[row.id])
        return self.page(
            f"Edit {row}",
            under=(_above(), Crumb(str(row), address)),
            status=status,
            subscription=row,
            dialect=interfaces.get(row.dialect),
            form=form,
            seen=row.updated_at.isoformat() if seen is None else seen,
            queued=QUEUED,
            latest=latest,
        )


def _moment(text: str) -> datetime | None:
    """The moment that a form carries; None of anything else."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _above() -> Crumb:
    return Crumb("Subscriptions", reverse("staff:subscriptions"))


def _created_text(dialect: interfaces.Interface) -> str:
    if dialect.profile.new_secret is None:
        return f"It is created. {dialect.title} signs nothing, so it has no secret."
    return (
        "It is created, with a secret that signs its deliveries: whoever may reveal it "
        "finds it on this page, under Signing secrets."
    )
