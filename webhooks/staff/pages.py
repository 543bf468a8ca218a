"""What every page has in common: who may see it, and what surrounds it."""

from dataclasses import dataclass
from typing import Any, ClassVar, cast

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

from webhooks.console import paging
from webhooks.console.filters import Filters


@dataclass(frozen=True)
class Crumb:
    """A page above this one."""

    title: str
    address: str


@method_decorator(never_cache, name="dispatch")
class Page(View):
    """A page for staff who hold its permission; others are asked to log in, or refused.

    A subclass names the `permission` and answers `get` or `post` with `self.page`. An
    empty permission lets every member of staff in.
    """

    permission: ClassVar[str]
    template: ClassVar[str]
    # Not so for a part that refreshes itself: it keeps no session alive.
    is_asked_for_by_hand: ClassVar[bool] = True

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
        under: tuple[Crumb, ...] = (),
        status: int = 200,
        template: str | None = None,
        **context: Any,
    ) -> HttpResponse:
        """The page with its surroundings; `under` are the pages above it, outermost first."""
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

    def refused(self) -> HttpResponse:
        return self.page("Not open to you", status=403, template="console/refused.html")


class OwnPage(Page):
    """Open to every member of staff: it shows and changes nobody else's account."""

    permission = ""

    @property
    def owner(self) -> User:
        return cast(User, self.request.user)


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
        listed = paging.nothing() if not form.is_valid() else self._listed(form)
        return self.page(self.title, form=form, listed=listed, **self.more(listed))

    def order(self, form: Filters) -> paging.Keyset:
        """The order of the rows, where it can be chosen."""
        return self.keyset

    def more(self, listed: paging.Listed) -> dict[str, Any]:
        """What else the template needs of the rows that are shown."""
        return {}

    def _listed(self, form: Filters) -> paging.Listed:
        narrowed = form.narrow(self.rows())
        return paging.listed(
            self.order(form), narrowed, form.sift(narrowed), query=self.request.GET
        )
