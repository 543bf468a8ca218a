"""What the console's pages have in common: who may see them, forms, lists, the frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View
from django.views.generic.edit import FormMixin

from webhooks.console import paging
from webhooks.console.filters import Filters


@dataclass(frozen=True)
class Crumb:
    """A page above this one."""

    title: str
    address: str


def crumb(title: Any, page: str, *args: Any) -> Crumb:
    return Crumb(str(title), reverse(f"staff:{page}", args=args))


@method_decorator(never_cache, name="dispatch")
class Page(View):
    """A page for staff who hold its permission; others are asked to log in, or refused.

    A subclass names the `permission` and answers `get` or `post` with `self.page`. An
    empty permission lets every member of staff in.
    """

    permission: ClassVar[str]
    template: ClassVar[str]
    # False for a part that refreshes itself.
    keeps_session_alive: ClassVar[bool] = True

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        if not admin.site.has_permission(request):
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        if self.permission and not request.user.has_perm(self.permission):
            return self.refused()
        return super().dispatch(request, *args, **kwargs)

    def page(
        self,
        title: str,
        *,
        under: Sequence[Crumb] = (),
        status: int = 200,
        template: str | None = None,
        **context: Any,
    ) -> HttpResponse:
        """The page in its frame; `under` are the pages above it, outermost first."""
        self.request.current_app = admin.site.name
        return TemplateResponse(
            self.request,
            template or self.template,
            {
                **admin.site.each_context(self.request),
                "title": title,
                "crumbs": under,
                "now": timezone.now(),
                **context,
            },
            status=status,
        )

    def may(self, permission: str) -> bool:
        return self.request.user.has_perm(f"webhooks.{permission}")

    def refused(self) -> HttpResponse:
        return self.page("Not open to you", status=403, template="console/refused.html")


class OwnPage(Page):
    """Open to every member of staff: it shows and changes nobody else's account."""

    permission = ""

    @property
    def owner(self) -> User:
        return cast(User, self.request.user)


class FormPage(FormMixin, Page):  # type: ignore[type-arg]
    """A form: shown by GET, saved by POST in `form_valid`. One that is refused is shown
    again with the status 422.
    """

    template = "console/form.html"
    # Whether what it does cannot be undone.
    dangerous: ClassVar[bool] = False

    @property
    def title(self) -> str:
        raise NotImplementedError

    @property
    def act(self) -> str:
        """The label of the button."""
        return self.title

    def above(self) -> Sequence[Crumb]:
        """The pages above; Cancel leads to the last of them."""
        return ()

    def context(self) -> dict[str, Any]:
        """What else the template needs."""
        return {}

    def obstacle(self) -> HttpResponse | None:
        """The answer when there is nothing to do here."""
        return None

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.obstacle() or self.show(self.get_form())

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if answer := self.obstacle():
            return answer
        form = self.get_form()
        return self.form_valid(form) if form.is_valid() else self.show(form, 422)

    def show(self, form: Any, status: int = 200) -> HttpResponse:
        above = self.above()
        surroundings = {
            "act": self.act,
            "dangerous": self.dangerous,
            "back": above[-1].address if above else "",
            **self.context(),
        }
        return self.page(
            self.title, under=above, status=status, form=form, **surroundings
        )


class ConfirmPage(FormPage):
    """Says what follows, and does it when the button is pressed."""

    form_class = forms.Form


class List(Page):
    """A list that may be long: filtered by its address and paged by key, never counted."""

    title: ClassVar[str]
    filters: ClassVar[type[Filters]]
    keyset: ClassVar[paging.Keyset] = paging.Keyset("id")

    def rows(self) -> Any:
        """The query, with what a row shows of others; the order is the keyset's."""
        raise NotImplementedError

    def get(self, request: HttpRequest) -> HttpResponse:
        form = self.filters(request.GET)
        listed = paging.Listed(rows=())
        if form.is_valid():
            rows = form.by_index(self.rows())
            listed = paging.listed(
                self.order(form), rows, form.by_scan(rows), query=request.GET
            )
        return self.page(self.title, form=form, listed=listed, **self.context(listed))

    def order(self, form: Filters) -> paging.Keyset:
        """The order of the rows, where it can be chosen."""
        return self.keyset

    def context(self, listed: paging.Listed) -> dict[str, Any]:
        """What else the template needs of the rows that are shown."""
        return {}


def admin_row(row: Any) -> str:
    """The address of a row in the admin."""
    name = f"{row._meta.app_label}_{row._meta.model_name}"
    return reverse(f"admin:{name}_change", args=[row.pk])
