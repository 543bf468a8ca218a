"""The one search of the console: by id, or by part of a name or of a URL.

The term is posted and comes back in an address, without any key or secret in it: somebody who
looks for the owner of a leaked key pastes the key.

Each group of hits is for those who may see its rows, and takes a statement or two. Tables that grow
without end are read by their keys only. Partners, subscriptions, endpoints and keys are few
enough to be scanned.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from webhooks.console import labels
from webhooks.models import (
    ApiKey,
    Attempt,
    AuditEntry,
    Delivery,
    Endpoint,
    Event,
    Partner,
    Recovery,
    SigningSecret,
    Subscription,
    ids,
    keyformat,
)

from .pages import Page

MOST = 10
"""Hits of a group; a longer term finds fewer."""

LONGEST = 1024
"""Characters of a term, which must fit into an address."""


class Search(Page):
    """For every member of staff; each finds only what they may see."""

    permission = ""
    title = "Search"
    template = "staff/search/search.html"

    def answered(self, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """With nothing kept of it: it changes nothing, and anybody may search."""
        return answer()

    def post(self, request: HttpRequest) -> HttpResponse:
        return self._at(without_keys(request.POST.get("q", "")))

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        given = request.GET.get("q", "")
        term = without_keys(given)
        if term != given:
            return self._at(term)  # an address that somebody wrote by hand
        found = _groups(term, may=self.may) if term else []
        if address := _only_match(found, term):
            return redirect(address)
        return self.page(term=term, groups=found)

    def _at(self, term: str) -> HttpResponse:
        return redirect(reverse("staff:search", query={"q": term}))


# --- The term --------------------------------------------------------------------------

# A key whose beginning was not copied along.
_BARE = re.compile(r"\b([0-9A-Za-z]{10})_[0-9A-Za-z]{20,}", re.ASCII)
# The beginnings of signing secrets, of those that have one.
_SECRET = re.compile(r"\b(?:whsec|tss)_\S{8,}")
_PREFIX = re.compile(r"(?:whk_)?([0-9A-Za-z]{3,10})_?", re.ASCII)


def without_keys(text: str) -> str:
    """The term with only the beginning of a key, and without a secret."""
    text = text.replace("\0", "").strip()[:LONGEST]
    lookup = keyformat.lookup_within(text)
    if lookup is None and (bare := _BARE.search(text)):
        lookup = bare[1]
    if lookup is not None:
        return f"whk_{lookup}"
    return _SECRET.sub("", text).strip()


def _as_id(term: str) -> UUID | None:
    """The id that was pasted, also with braces around it."""
    return ids.parse(term.strip("{}"))


def _as_prefix(term: str) -> str | None:
    """The beginning of a key."""
    match = _PREFIX.fullmatch(term)
    return match and match[1]


# --- What is found ---------------------------------------------------------------------


@dataclass(frozen=True)
class Hit:
    name: str
    description: str
    address: str
    # Whether the term is its id, or an equally exact name.
    is_exact: bool = False


@dataclass(frozen=True)
class Group:
    title: str
    hits: Sequence[Hit]
    has_more: bool
    # The list that is filtered by the same; empty where there is none.
    all: str


def _groups(term: str, *, may: Callable[[str], bool]) -> list[Group]:
    """`may` says whether the viewer has a permission."""
    id = _as_id(term)
    found = [find(term, id) for model, find in _FINDERS if may(f"view_{model}")]
    if id:
        found += [find(id) for model, find in _FINDERS_BY_ID if may(f"view_{model}")]
    return [group for group in found if group.hits]


def _only_match(found: Iterable[Group], term: str) -> str | None:
    """The address of the one row that the term names exactly, if nothing else was found."""
    hits = [hit for group in found for hit in group.hits]
    is_exact = _as_id(term) is not None or any(hit.is_exact for hit in hits)
    addresses = {hit.address for hit in hits}
    return addresses.pop() if is_exact and len(addresses) == 1 else None


def _partners(term: str, id: UUID | None) -> Group:
    by_text = Q(name__icontains=term) | Q(contact_email__icontains=term)
    return _group(
        "Partners",
        Partner.objects.filter(Q(id=id) if id else by_text).order_by("name"),
        lambda row: Hit(row.name, row.contact_email, _page("partner", row.id)),
        all=reverse("staff:partners", query={"name": term}),
    )


def _subscriptions(term: str, id: UUID | None) -> Group:
    condition = Q(public_id=term) | Q(name__icontains=term)
    if id:
        of_secret = SigningSecret.objects.filter(id=id).values("subscription")
        condition = Q(id=id) | Q(public_id__in=[term, str(id)]) | Q(id__in=of_secret)
    rows = _first(Subscription, condition, "deleted_at").select_related("partner")

    def hit(row: Subscription) -> Hit:
        deleted = ", deleted" if row.deleted_at else ""
        text = f"{row.dialect}, of {row.partner}{deleted}"
        page = _page("subscription", row.id)
        return Hit(str(row), text, page, is_exact=row.public_id == term)

    return _group("Subscriptions", rows.defer("extras", "events"), hit)


def _endpoints(term: str, id: UUID | None) -> Group:
    condition = Q(url__icontains=term) | (Q(id=id) if id else Q())
    rows = _first(Endpoint, condition, "removed_at")

    def hit(row: Endpoint) -> Hit:
        verb, its = "was" if row.removed_at else "is", row.subscription
        text = f"{verb} a URL of {its}, of {its.partner}"
        return Hit(row.url, text, _page("subscription", its.id))

    return _group(
        "URLs",
        rows.select_related("subscription__partner"),
        hit,
        all=reverse("staff:subscriptions", query={"url": term}),
    )


def _keys(term: str, id: UUID | None) -> Group:
    prefix = _as_prefix(term)
    condition = Q(name__icontains=term)
    if prefix:
        condition |= Q(prefix__startswith=prefix)
    rows = _first(ApiKey, Q(id=id) if id else condition, "revoked_at")

    def hit(row: ApiKey) -> Hit:
        owner = f"of {row.partner}" if row.partner else "a publisher's"
        text = ", ".join(
            filter(None, [row.name, owner, "revoked" if row.is_revoked else ""])
        )
        page = _page("key", row.id)
        return Hit(f"{labels.key(row)}…", text, page, is_exact=row.prefix == prefix)

    return _group("API keys", rows.select_related("partner"), hit)


def _events(term: str, id: UUID | None) -> Group:
    found = [id] if id else _by_idempotency_key(term)
    rows = Event.objects.filter(id__in=found).select_related("partner")

    def hit(row: Event) -> Hit:
        page = _page("event", row.id)
        key = row.idempotency_key or ""
        return Hit(f"{row.type} of {row.partner}", key, page, is_exact=True)

    return _group("Events", rows.defer("data", "attributes"), hit)


def _by_idempotency_key(term: str) -> list[Any]:
    """Events by partner, as the index is: a key is unique to its partner. With a join or a
    list PostgreSQL read all events."""
    events = Event.objects.filter(partner=OuterRef("id"), idempotency_key=term)
    partners = Partner.objects.annotate(event=Subquery(events.values("id")[:1]))
    found = partners.filter(event__isnull=False).values_list("event", flat=True)
    return list(found[: MOST + 1])


def _deliveries(id: UUID) -> Group:
    # A statement of its own: with both in one PostgreSQL read all deliveries.
    of_attempt = Attempt.objects.filter(id=id).values_list("delivery", flat=True)
    rows = Delivery.objects.filter(id__in=[id, *of_attempt])

    def hit(row: Delivery) -> Hit:
        name = f"{row.event.type} to {row.partner}"
        return Hit(name, row.url, _page("delivery", row.id))

    rows = rows.select_related("event", "partner").defer("event__data")
    return _group("Deliveries", rows, hit)


def _recoveries(id: UUID) -> Group:
    def hit(row: Recovery) -> Hit:
        return Hit(f"Recovery for {row.partner}", row.state, _page("recovery", row.id))

    rows = Recovery.objects.filter(id=id).select_related("partner")
    return _group("Recoveries", rows, hit)


def _audit_entries(id: UUID) -> Group:
    def hit(row: AuditEntry) -> Hit:
        name = f"{labels.action(row.action)}: {row.target}"
        return Hit(name, f"by {row.actor}", _page("audit-entry", row.id))

    rows = AuditEntry.objects.filter(id=id).defer("before", "after")
    return _group("Audit log", rows, hit)


# The model that the viewer must be allowed to see, and what finds its rows.
_FINDERS: Sequence[tuple[str, Callable[[str, UUID | None], Group]]] = (
    ("partner", _partners),
    ("subscription", _subscriptions),
    ("subscription", _endpoints),
    ("apikey", _keys),
    ("event", _events),
)
_FINDERS_BY_ID: Sequence[tuple[str, Callable[[UUID], Group]]] = (
    ("delivery", _deliveries),
    ("recovery", _recoveries),
    ("auditentry", _audit_entries),
)


def _group(title: str, rows: Any, hit: Callable[[Any], Hit], *, all: str = "") -> Group:
    found = [hit(row) for row in rows[: MOST + 1]]
    return Group(title, found[:MOST], len(found) > MOST, all)


def _first(model: Any, condition: Q, ended: str) -> Any:
    """The first rows, found before what is shown beside them is joined. Those that have ended
    come last; the databases differ on where null is sorted."""
    order = (F(ended).desc(nulls_first=True), "-created_at", "id")
    first = model.objects.filter(condition).order_by(*order).values("id")[: MOST + 1]
    return model.objects.filter(id__in=first).order_by(*order)


def _page(name: str, id: UUID) -> str:
    return reverse(f"staff:{name}", args=[id])
