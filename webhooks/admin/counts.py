"""A list of the admin whose rows are all counted, for tables that stay small."""

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest


class _List(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """Django counts what was found, and all rows; without a filter they are the same."""
        super().get_results(request)
        is_whole = not self.query and not self.get_filters_params()
        self.full_result_count = (
            self.result_count if is_whole else self.root_queryset.count()
        )
        self.show_full_result_count = True


class CountsOnce:
    """Before unfold's ModelAdmin."""

    show_full_result_count = False  # `_List` does it

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _List
