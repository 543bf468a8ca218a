"""What every list and form of the console has in common.

A form checks what it can before it writes; what only the operation itself can find out,
because somebody else was faster, ends in a message and never in an error page.
"""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, StackedInline, TabularInline


class Rows(ModelAdmin):
    """Rows that staff may look at and, through operations, change."""

    actions = None
    list_per_page = 50
    show_facets = None
    # Fields that no address may filter by: an answer "one row" would tell their content.
    withheld: ClassVar[frozenset[str]] = frozenset()
    # UUID fields that a search term of that form is compared with, by their index.
    searched_ids: ClassVar[tuple[str, ...]] = ("id",)
    # What an operation raises when a row has changed since the form was checked.
    overtaken: ClassVar[tuple[type[Exception], ...]] = ()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(
                request, object_id, form_url, extra_context
            )
        except self.overtaken:
            return self.was_overtaken(request)
        return response

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().delete_view(
                request, object_id, extra_context
            )
        except self.overtaken:
            return self.was_overtaken(request)
        return response

    def was_overtaken(self, request: HttpRequest) -> HttpResponse:
        messages.error(
            request, "Somebody else changed this in the meantime. Nothing was saved."
        )
        return redirect(self.list_address)

    @property
    def list_address(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        """Nothing: an operation has written everything that belongs together."""
        for formset in formsets:
            formset.save(commit=False)  # the history asks it what it did

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        try:
            id = UUID(search_term.strip())
        except ValueError:
            found: tuple[QuerySet[Any], bool] = super().get_search_results(
                request, queryset, search_term
            )
            return found
        either = Q()
        for field in self.searched_ids:
            either |= Q((field, id))
        return queryset.filter(either), False

    def lookup_allowed(
        self, lookup: str, value: str, request: HttpRequest | None = None
    ) -> bool:
        if not self.withheld.isdisjoint(lookup.split("__")):
            return False
        allowed: bool = super().lookup_allowed(lookup, value, request)
        return allowed


class ReadOnly:
    """Rows, or rows beneath a row, that nobody adds, changes or deletes by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyRows(ReadOnly, Rows):
    pass


class ReadOnlyTable(ReadOnly, TabularInline):
    """A table of rows that belong to another, each with a link to its own page."""

    extra = 0
    hide_title = True

    @admin.display(description="")
    def page(self, row: Model) -> SafeString:
        return link(row)


class ReadOnlyStack(ReadOnly, StackedInline):
    extra = 0


class Newest(Paginator):  # type: ignore[type-arg]
    """Pages over the newest rows only: a count of all takes as long as the table is big."""

    MOST = 5_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: self.MOST].count())


class Log(ReadOnlyRows):
    """A table that grows without end: newest first, never counted, never sorted anew."""

    paginator = Newest
    show_full_result_count = False
    ordering: tuple[str, ...] = ("-id",)
    sortable_by = ()
    list_before_template = "admin/log_note.html"


def link(to: Model, text: str | None = None) -> SafeString:
    """A link to the page of a row."""
    name = f"admin:{to._meta.app_label}_{to._meta.model_name}_change"
    return format_html(
        '<a href="{}" class="text-link">{}</a>',
        reverse(name, args=[quote(to.pk)]),
        str(to) if text is None else text,
    )


def block(text: str) -> SafeString:
    """Text from outside, in its own lines and never as markup."""
    return format_html('<pre class="raw">{}</pre>', text)
