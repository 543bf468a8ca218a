"""The settings of a subscription: of a new one, and of one that is there."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from webhooks.console.actor import staff_actor
from webhooks.models import ApiKey, AuditEntry, Partner, Subscription
from webhooks.operations import subscriptions
from webhooks.rest import desks
from webhooks.staff.pages import Crumb, Page

from . import settings_form as forms

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
        where = forms.Where(desks.all(), request.GET or None)
        if not where.is_valid():
            # Of a page that only names the partner, nothing is wrong yet.
            if "dialect" not in request.GET:
                where = forms.Where(desks.all(), initial=request.GET.dict())
            status = 422 if where.is_bound else 200
            return self._asked(where, status=status)
        desk, partner = self._chosen(where)
        return self._asked(where, forms.Settings(desk, partner))

    def post(self, request: HttpRequest) -> HttpResponse:
        where = forms.Where(desks.all(), request.GET)
        if not where.is_valid():
            return self._asked(where, status=422)
        desk, partner = self._chosen(where)
        id = _uuid(request.POST.get("id", ""))
        if made := self._made(partner, id):
            return self._twice(made)
        form = forms.Settings(desk, partner, data=request.POST)
        if not form.is_valid():
            return self._asked(where, form, status=422)
        try:
            made = desk.create(
                by=staff_actor(request),
                partner=partner,
                given=form.given(),
                now=timezone.now(),
                id=id,
            )
        except desks.Refused as refused:
            if made := self._made(partner, id):
                return self._twice(made)
            form.refuse(refused.errors)
            return self._asked(where, form, status=422)
        messages.success(request, _created(desk))
        return redirect("staff:subscription", made.id)

    def _made(self, partner: Partner, id: UUID | None) -> Subscription | None:
        """What the same form, sent before, has made."""
        rows = Subscription.objects.filter(partner=partner)
        return rows.filter(id=id).first() if id else None

    def _twice(self, made: Subscription) -> HttpResponse:
        messages.info(self.request, "The form was sent twice; it is created once.")
        return redirect("staff:subscription", made.id)

    def _chosen(self, where: forms.Where) -> tuple[desks.Desk, Partner]:
        desk = desks.get(where.cleaned_data["dialect"])
        if desk is None:
            raise Http404
        return desk, where.cleaned_data["partner"]

    def _asked(
        self,
        where: forms.Where,
        form: forms.Settings | None = None,
        *,
        status: int = 200,
    ) -> HttpResponse:
        desk = form and form.desk
        partner = where.cleaned_data["partner"] if form else None
        return self.page(
            f"New {desk.title} subscription" if desk else "New subscription",
            under=(_above(),),
            status=status,
            where=where,
            desk=desk,
            partner=partner,
            form=form,
            id=_uuid(self.request.POST.get("id", "")) or uuid4(),
            present=desk.present(partner) if desk and partner else None,
            usable_keys=partner
            and ApiKey.objects.of(partner).usable_at(timezone.now()),
        )


class Edit(Page):
    permission = "webhooks.change_subscription"
    template = "staff/subscriptions/edit.html"

    def get(self, request: HttpRequest, id: UUID) -> HttpResponse:
        row, desk = self._found(id)
        return self._asked(row, forms.Settings(desk, row.partner, row))

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:
        row, desk = self._found(id)
        form = forms.Settings(desk, row.partner, row, data=request.POST)
        if not form.is_valid():
            return self._asked(row, form, status=422, seen=request.POST.get("seen"))
        if forms.seen(request.POST.get("seen", "")) != row.updated_at:
            return self._overtaken(row, form)
        if not form.has_changed():
            messages.info(request, "Nothing was changed.")
            return redirect("staff:subscription", row.id)
        try:
            desk.change(
                by=staff_actor(request),
                subscription=row,
                given=form.given(),
                now=timezone.now(),
                seen=row.updated_at,
            )
        except desks.Refused as refused:
            form.refuse(refused.errors)
            return self._asked(row, form, status=422)
        except subscriptions.Overtaken:
            row, desk = self._found(id)
            form = forms.Settings(desk, row.partner, row, data=request.POST)
            return self._overtaken(row, form)
        except subscriptions.Deleted:
            raise Http404 from None
        text = f"Saved. {QUEUED}" if form.changes_urls else "Saved."
        messages.success(request, text)
        return redirect("staff:subscription", row.id)

    def _found(self, id: UUID) -> tuple[Subscription, desks.Desk]:
        rows = Subscription.objects.live().select_related("partner", "api_key")
        row = rows.filter(id=id).first()
        if row is None or (desk := desks.get(row.dialect)) is None:
            raise Http404
        return row, desk

    def _overtaken(self, row: Subscription, form: forms.Settings) -> HttpResponse:
        """The form as it was filled in, beside what is there now; saving it again is
        meant."""
        form.overtaken = True
        changes = AuditEntry.objects.filter(
            target_type="subscription", target_id=str(row.id)
        )
        latest = changes.order_by("-id").defer("before", "after").first()
        return self._asked(row, form, status=409, latest=latest)

    def _asked(
        self,
        row: Subscription,
        form: forms.Settings,
        *,
        status: int = 200,
        seen: str | None = None,
        latest: AuditEntry | None = None,
    ) -> HttpResponse:
        address = reverse("staff:subscription", args=[row.id])
        return self.page(
            f"Edit {row}",
            under=(_above(), Crumb(str(row), address)),
            status=status,
            subscription=row,
            desk=form.desk,
            form=form,
            seen=row.updated_at.isoformat() if seen is None else seen,
            queued=QUEUED,
            latest=latest,
        )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _above() -> Crumb:
    return Crumb("Subscriptions", reverse("staff:subscriptions"))


def _created(desk: desks.Desk) -> str:
    if desk.profile.new_secret is None:
        return f"It is created. {desk.title} signs nothing, so it has no secret."
    return (
        "It is created, with a secret that signs its deliveries: whoever may reveal it "
        "finds it on this page, under Signing secrets."
    )
