"""Read-only pages over the stored rows of a model: a list, and a page for each row.

Staff act on a row in the console. The page of a row links there.
"""

from collections.abc import Callable
from functools import cache, reduce
from operator import or_
from typing import Any, ClassVar

from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import (
    BinaryField,
    JSONField,
    Model,
    Prefetch,
    Q,
    QuerySet,
    TextField,
)
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.generic import RedirectView
from unfold.admin import ModelAdmin
from unfold.decorators import display

from webhooks.console import untrusted_text
from webhooks.models import ids

from .bounds import Bounded, parameters


class Newest(Paginator):  # type: ignore[type-arg]
    """Pages over the first rows only. Counting all rows of a big table takes long."""

    MOST = 5_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.MOST].count())


class Rows(ChangeList):
    """A list that does not load large fields. Only the page of a row shows those."""

    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        joined: Any = self.list_select_related
        large = _large_fields(self.model)
        for name in joined:
            joined_model = get_fields_from_path(self.model, name)[-1].related_model
            large += [f"{name}__{field}" for field in _large_fields(joined_model)]
        found: QuerySet[Any] = super().get_queryset(*args, **kwargs)
        return found.defer(*large)


class ReadOnlyRows(Bounded, ModelAdmin):
    """The one class for every model that is not edited here; `tables` sets what differs."""

    console_page = ""
    """The name of a row's page in the console."""
    new_page = ""
    """The name of the console's page that makes one; the admin's old address leads there."""
    withheld: ClassVar[tuple[str, ...]] = ()
    """Fields that are never shown. No address may filter by them either: whether a row is
    found would tell what they contain."""
    searched_ids: ClassVar[tuple[str, ...]] = ("id",)
    """The UUID fields that a search for an id looks in. Each has an index. A table that grows all the
    time is filtered by them alone, beside its filters: another field is in no index."""
    searched_words: ClassVar[tuple[str, ...]] = ()
    """The text fields that a search for words scans. None for tables that grow all the time."""
    prefetched: ClassVar[tuple[Prefetch, ...]] = ()  # type: ignore[type-arg]
    below: ClassVar[tuple[type[Model], ...]] = ()
    """Models whose rows belong to a row of this one. Their foreign key has this model's
    name and is the first column of an index."""

    actions = None
    list_per_page = 50
    list_filter_submit = True
    list_select_related: tuple[str, ...] = ()
    list_before_template = "admin/newest_note.html"
    ordering: tuple[str, ...] = ("-id",)
    paginator = Newest
    show_facets = None
    show_full_result_count = False
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        """Without the pages that add, delete and show what was changed here."""
        none = ("_add", "_delete", "_history")
        kept = [u for u in super().get_urls() if not (u.name or "").endswith(none)]
        if not self.new_page:
            return kept
        new = RedirectView.as_view(pattern_name=self.new_page, query_string=True)
        return [path("add/", self.admin_site.admin_view(new)), *kept]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Rows

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request)
        return found.prefetch_related(*self.prefetched).defer(*self.withheld)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The computed columns of the list, then every stored field."""
        computed = [column for column in self.list_display if callable(column)]
        stored = [
            _bytes(field.name) if isinstance(field, BinaryField) else field.name
            for field in self.opts.concrete_fields
            if field.name not in self.withheld
        ]
        return [*computed, *stored, *(["rows_below"] if self.below else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return self.searched_words or self.searched_ids

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if id := ids.parse(search_term.strip()):
            either = reduce(or_, (Q((field, id)) for field in self.searched_ids))
            return queryset.filter(either), False
        if search_term and not self.searched_words:
            return queryset.none(), False
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found

    def lookup_allowed(
        self, lookup: str, value: str, request: HttpRequest | None = None
    ) -> bool:
        parts = lookup.split("__")
        if not set(self.withheld).isdisjoint(parts):
            return False
        fields = {field.name for field in self.opts.concrete_fields}
        is_of_field = parts[0] in fields and lookup not in parameters(self.list_filter)
        if is_of_field and not (self.searched_words or parts[0] in self.searched_ids):
            return False
        allowed: bool = super().lookup_allowed(lookup, value, request)
        return allowed

    def view_on_site(self, row: Model) -> str | None:
        return reverse(self.console_page, args=[row.pk]) if self.console_page else None

    @display(description="Rows that belong to it")
    def rows_below(self, row: Model) -> SafeString:
        lists = [
            (
                reverse(f"admin:webhooks_{model._meta.model_name}_changelist"),
                f"{self.opts.model_name}__id__exact={row.pk}",
                model._meta.verbose_name_plural,
            )
            for model in self.below
        ]
        return format_html_join(", ", '<a href="{}?{}" class="text-link">{}</a>', lists)


def _large_fields(model: Any) -> list[str]:
    large = (BinaryField, JSONField, TextField)
    return [f.name for f in model._meta.concrete_fields if isinstance(f, large)]


@cache
def _bytes(name: str) -> Callable[[Model], SafeString | None]:
    """A field of bytes, shown as text."""

    @display(description=name.replace("_", " "))
    def shown(row: Model) -> SafeString | None:
        text = untrusted_text.of_bytes(bytes(getattr(row, name) or b""))
        return format_html('<pre class="raw">{}</pre>', text) if text else None

    return shown  # type: ignore[no-any-return] # unfold's decorator names no types
