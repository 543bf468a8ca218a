"""The base classes of the console's pages: permissions, lists, forms, the frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View
from django.views.generic.edit import FormMixin

from webhooks.console import idempotency, paging
from webhooks.console.filters import Filters
from webhooks.operations import limits


@dataclass(frozen=True)
class Crumb:
    """A page above this one."""

    title: str
    address: str


def crumb(title: Any, page: str, *args: Any) -> Crumb:
    return Crumb(str(title), reverse(f"staff:{page}", args=args))


def admin_row(row: Any) -> str:
    """The address of a row in the admin."""
    name = f"{row._meta.app_label}_{row._meta.model_name}"
    return reverse(f"admin:{name}_change", args=[row.pk])


@method_decorator(never_cache, name="dispatch")
class Page(View):
    """A page for staff who hold its permission; others are asked to log in, or refused.

    An empty permission lets every member of staff in.
    """

    permission: ClassVar[str]
    template: ClassVar[str]
    # The list above the page: its title, and its name in `urls`.
    section: ClassVar[tuple[str, str] | None] = None
    # False for a page that refreshes itself.
    keeps_session_alive: ClassVar[bool] = True
    # What is said when a form comes a second time.
    sent_before: ClassVar[str] = idempotency.SENT_BEFORE

    @property
    def title(self) -> str:
        raise NotImplementedError

    def above(self) -> Sequence[Crumb]:
        """The pages above this one, outermost first."""
        return [crumb(*self.section)] if self.section else []

    def context(self) -> dict[str, Any]:
        """The context of the template."""
        return {}

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        if not admin.site.has_permission(request):
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        if self.permission and not request.user.has_perm(self.permission):
            return self.refused()
        return self.answered(partial(super().dispatch, request, *args, **kwargs))

    def answered(self, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """The response of the page; a form that is sent twice acts once."""
        return idempotency.once(self.request, answer, sent_before=self.sent_before)

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.page(**self.context())

    def page(
        self,
        title: str | None = None,
        *,
        under: Sequence[Crumb] | None = None,
        status: int = 200,
        template: str | None = None,
        **context: Any,
    ) -> HttpResponse:
        """The page in its frame, `under` other pages than those `above`."""
        self.request.current_app = admin.site.name
        context = {
            **admin.site.each_context(self.request),
            "title": self.title if title is None else title,
            "crumbs": self.above() if under is None else under,
            "now": timezone.now(),
            **context,
        }
        template = template or self.template
        return TemplateResponse(self.request, template, context, status=status)

    def may(self, permission: str) -> bool:
        return self.request.user.has_perm(f"webhooks.{permission}")

    def refused(self) -> HttpResponse:
        return self.page(
            "Not open to you", under=(), status=403, template="console/refused.html"
        )


class LivePart(Page):
    """A part of a page that staff_live.js asks for again."""

    keeps_session_alive = False

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        context = {"now": timezone.now(), **self.context()}
        return render(request, self.template, context)


class List(Page):
    """A list that may be long: filtered by its address and paged by key, never counted."""

    filters: ClassVar[type[Filters]]
    keyset: ClassVar[paging.Keyset] = paging.Keyset("id")
    listed: paging.Listed

    def rows(self) -> Any:
        """The queryset, without an order: `order` gives that."""
        raise NotImplementedError

    def order(self, form: Filters) -> paging.Keyset:
        """The order of the rows, where it can be chosen."""
        return self.keyset

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.filters(request.GET)
        self.listed = paging.Listed(rows=())
        if form.is_valid():
            rows = form.by_index(self.rows())
            self.listed = paging.listed(
                self.order(form), rows, form.by_scan(rows), query=request.GET
            )
        return self.page(form=form, listed=self.listed, **self.context())


class FormPage(FormMixin, Page):  # type: ignore[type-arg]
    """A form: shown by GET, saved by POST in `form_valid`. One that is refused is shown
    again with the status 422. Without fields, the page asks for confirmation.
    """

    template = "console/form.html"
    form_class: Any = forms.Form
    # What the form does, in one sentence; the template may say more.
    lead: ClassVar[str] = ""
    # Whether what it does cannot be undone.
    dangerous: ClassVar[bool] = False
    # What `form_valid` may raise -> the level and text of the message about it.
    refusals: ClassVar[Mapping[type[Exception], tuple[int, str]]] = {}

    @property
    def act(self) -> str:
        """The label of the button."""
        return self.title

    def obstacle(self) -> HttpResponse | None:
        """The answer when there is nothing to do here."""
        return None

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.obstacle() or self.show(self.get_form())

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if answer := self.obstacle():
            return answer
        form = self.get_form()
        if not form.is_valid():
            return self.show(form, 422)
        try:
            return self.form_valid(form)
        except tuple(self.refusals) as error:
            kind = next(each for each in self.refusals if isinstance(error, each))
            level, text = self.refusals[kind]
            response = self.leave(text.format(error), level)
            raise idempotency.Refused(response) from None
        except limits.LimitReached as reached:
            form.add_error(None, str(reached))
            return self.show(form, 422)

    def show(self, form: Any, status: int = 200, **more: Any) -> HttpResponse:
        above = self.above()
        context = {
            "form": form,
            "act": self.act,
            "lead": self.lead,
            "dangerous": self.dangerous,
            "back": above[-1].address if above else "",
            **self.context(),
            **more,
        }
        return self.page(status=status, **context)

    def leave(self, text: str, level: int = messages.SUCCESS) -> HttpResponse:
        """Redirects to the page above, with a message."""
        messages.add_message(self.request, level, text)
        return redirect(self.above()[-1].address)
