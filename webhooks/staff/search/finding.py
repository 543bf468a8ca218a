"""What a search finds: by id, or by part of a name or of a URL.

Each group is for those who may see its rows, and takes one statement. Tables that grow without
end are read by their keys only. Partners, subscriptions, endpoints and keys are few enough to
be scanned.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.http import urlencode

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
)

from . import terms

MOST = 10
"""Of each group; a longer term finds fewer."""


@dataclass(frozen=True)
class Hit:
    name: str
    description: str
    address: str
    # Whether the term is its very id, or a name as good as one.
    is_exact: bool = False


@dataclass(frozen=True)
class Group:
    title: str
    hits: Sequence[Hit]
    has_more: bool
    # The list that is filtered by the same; empty where there is none.
    all: str = ""


def groups(term: str, *, may: Callable[[str], bool]) -> list[Group]:
    """`may` says whether the viewer has a permission."""
    found = [find(term) for model, find in _FINDERS if may(f"view_{model}")]
    return [group for group in found if group and group.hits]


def named(found: Iterable[Group], term: str) -> str | None:
    """The address of what the term names, where nothing else was found by it."""
    hits = [hit for group in found for hit in group.hits]
    is_exact = terms.as_id(term) is not None or any(hit.is_exact for hit in hits)
    addresses = {hit.address for hit in hits}
    return addresses.pop() if is_exact and len(addresses) == 1 else None


def _partners(term: str) -> Group:
    condition = Q(name__icontains=term) | Q(contact_email__icontains=term)
    if id := terms.as_id(term):
        condition = Q(id=id)
    return _group(
        "Partners",
        Partner.objects.filter(condition).order_by("name"),
        lambda row: Hit(row.name, row.contact_email, _page("partner", row.id)),
        all=_list("partners", name=term),
    )


def _subscriptions(term: str) -> Group:
    condition = Q(public_id=term) | Q(name__icontains=term)
    if id := terms.as_id(term):
        of_secret = SigningSecret.objects.filter(id=id).values("subscription")
        condition = Q(id=id) | Q(public_id__in=[term, str(id)]) | Q(id__in=of_secret)
    rows = _first(Subscription.objects.filter(condition), _LIVE, "-created_at", "id")
    return _group(
        "Subscriptions",
        rows.select_related("partner").defer("extras", "events"),
        lambda row: Hit(
            str(row),
            f"{row.dialect}, of {row.partner}"
            + (", deleted" if row.deleted_at else ""),
            _page("subscription", row.id),
            is_exact=row.public_id == term,
        ),
    )


def _endpoints(term: str) -> Group:
    condition = Q(url__icontains=term)
    if id := terms.as_id(term):
        condition |= Q(id=id)
    rows = _first(Endpoint.objects.filter(condition), _PRESENT, "-created_at", "id")
    return _group(
        "URLs",
        rows.select_related("subscription__partner"),
        lambda row: Hit(
            row.url,
            f"{'was' if row.removed_at else 'is'} a URL of {row.subscription}, "
            f"of {row.subscription.partner}",
            _page("subscription", row.subscription_id),
        ),
        all=_list("subscriptions", url=term),
    )


def _keys(term: str) -> Group:
    prefix = terms.as_prefix(term)
    condition = Q(name__icontains=term)
    if prefix:
        condition |= Q(prefix__startswith=prefix)
    if id := terms.as_id(term):
        condition = Q(id=id)
    rows = _first(ApiKey.objects.filter(condition), _OPEN, "-created_at", "id")
    return _group(
        "API keys",
        rows.select_related("partner"),
        lambda row: Hit(
            f"{labels.key(row)}…",
            ", ".join(
                filter(None, [row.name, _owner(row), row.is_revoked and "revoked"])
            ),
            _page("key", row.id),
            is_exact=row.prefix == prefix,
        ),
    )


def _deliveries(term: str) -> Group | None:
    id = terms.as_id(term)
    if id is None:
        return None
    of_attempt = Attempt.objects.filter(id=id).values("delivery")
    rows = Delivery.objects.filter(Q(id=id) | Q(id__in=of_attempt))
    return _group(
        "Deliveries",
        rows.select_related("event", "partner").defer("event__data"),
        lambda row: Hit(
            f"{row.event.type} to {row.partner}", row.url, _page("delivery", row.id)
        ),
    )


def _events(term: str) -> Group:
    id = terms.as_id(term)
    found = [id] if id else _by_idempotency_key(term)
    rows = Event.objects.filter(id__in=found).select_related("partner")
    return _group(
        "Events",
        rows.defer("data", "attributes"),
        lambda row: Hit(
            f"{row.type} of {row.partner}",
            row.idempotency_key or "",
            _page("event", row.id),
            is_exact=True,
        ),
    )


def _by_idempotency_key(term: str) -> list[Any]:
    """It is unique to its partner, and so the index is: each partner is asked for it.
    Of a join or a list PostgreSQL made a reading of all events."""
    events = Event.objects.filter(partner=OuterRef("id"), idempotency_key=term)
    asked = Partner.objects.annotate(event=Subquery(events.values("id")[:1]))
    found = asked.filter(event__isnull=False).values_list("event", flat=True)
    return list(found[: MOST + 1])


def _recoveries(term: str) -> Group | None:
    id = terms.as_id(term)
    if id is None:
        return None
    return _group(
        "Recoveries",
        Recovery.objects.filter(id=id).select_related("partner"),
        lambda row: Hit(
            f"Recovery for {row.partner}", row.state, _page("recovery", row.id)
        ),
    )


def _changes(term: str) -> Group | None:
    id = terms.as_id(term)
    if id is None:
        return None
    return _group(
        "Audit log",
        AuditEntry.objects.filter(id=id).defer("before", "after"),
        lambda row: Hit(
            f"{labels.action(row.action)}: {row.target}",
            f"by {row.actor}",
            _page("audit-entry", row.id),
        ),
    )


_FINDERS: Sequence[tuple[str, Callable[[str], Group | None]]] = (
    ("partner", _partners),
    ("subscription", _subscriptions),
    ("subscription", _endpoints),
    ("apikey", _keys),
    ("delivery", _deliveries),
    ("event", _events),
    ("recovery", _recoveries),
    ("auditentry", _changes),
)

# Deleted and revoked rows come last. The databases differ on where null stands by itself.
_LIVE = F("deleted_at").desc(nulls_first=True)
_PRESENT = F("removed_at").desc(nulls_first=True)
_OPEN = F("revoked_at").desc(nulls_first=True)


def _group(title: str, rows: Any, hit: Callable[[Any], Hit], *, all: str = "") -> Group:
    found = [hit(row) for row in rows[: MOST + 1]]
    return Group(title, found[:MOST], len(found) > MOST, all)


def _first(rows: Any, *order: Any) -> Any:
    """The first of them, found before what is shown beside them is joined."""
    first = rows.order_by(*order).values("id")[: MOST + 1]
    return rows.model.objects.filter(id__in=first).order_by(*order)


def _page(name: str, id: Any) -> str:
    return reverse(f"staff:{name}", args=[id])


def _list(page: str, **query: str) -> str:
    return f"{reverse(f'staff:{page}')}?{urlencode(query)}"


def _owner(key: ApiKey) -> str:
    return f"of {key.partner}" if key.partner else "a publisher's"
