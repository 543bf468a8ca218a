"""What an address may ask of a list of the admin.

Django offers every lookup of every field: a regular expression that a database refuses or never
finishes, a comparison that guesses a stored digest letter by letter, thousands of words.
"""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import (
    BinaryField,
    GenericIPAddressField,
    JSONField,
    QuerySet,
    TextField,
)
from django.http import HttpRequest

MOST_WORDS = 10
"""Words of a search: each is a condition for each field."""

# What the filters beside a list, and the links to it, ask of a field.
_LOOKUPS = {"", "exact", "isnull", "id", "id__exact"}
_DIGITS = 18  # the largest id has 19
# A secret in part, a document, and what PostgreSQL compares with an address only.
_NEVER = (BinaryField, GenericIPAddressField, JSONField, TextField)


class Bounded:
    """Before unfold's ModelAdmin."""

    def lookup_allowed(
        self, lookup: str, value: str, request: HttpRequest | None = None
    ) -> bool:
        view: Any = self
        name, _, rest = lookup.partition("__")
        fields = {
            field.name: field
            for field in [*view.opts.concrete_fields, *view.opts.many_to_many]
        }
        if name in fields:
            may = rest in _LOOKUPS and not isinstance(fields[name], _NEVER)
        else:
            may = lookup in parameters(view.list_filter)
        parent: Any = super()
        return (
            may
            and not is_too_large(value)
            and bool(parent.lookup_allowed(lookup, value, request))
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        few = " ".join(search_term.split()[:MOST_WORDS])
        parent: Any = super()
        found: tuple[QuerySet[Any], bool] = parent.get_search_results(
            request, queryset, few
        )
        return found


def is_too_large(value: Any) -> bool:
    """Whether it is a number that no id can be, which a database refuses to compare."""
    text = str(value)
    return len(text) > _DIGITS and text.lstrip("-").isdecimal()


def parameters(filters: Any) -> set[str | None]:
    """The names of the filters that are no field's."""
    return {
        each.parameter_name
        for each in filters
        if isinstance(each, type) and issubclass(each, SimpleListFilter)
    }
