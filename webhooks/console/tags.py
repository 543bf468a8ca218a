"""Template tags and filters of the console: times, badges, numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from webhooks.delivery.attempt import ERROR
from webhooks.delivery.result import Outcome
from webhooks.models import Attempt, Endpoint, Partner, Recovery, ids

from . import exploring, idempotency, labels, untrusted_text

register = template.Library()

register.filter("dialect_title", labels.dialect)
register.filter("outcome", labels.outcome)
register.filter("action", labels.action)
register.filter("json_lines", untrusted_text.of_json)


@register.simple_tag
def moment(value: datetime | None, none: str = "never") -> SafeString | str:
    """A time in UTC; staff.js shows it in the viewer's zone and leaves UTC on hover."""
    if value is None:
        return none
    utc = value.astimezone(UTC)
    day, time = utc.isoformat(timespec="milliseconds").removesuffix("+00:00").split("T")
    # There is nothing to escape, and a page has up to a hundred.
    return SafeString(
        f'<time datetime="{day}T{time}+00:00" title="{day} {time} UTC">'
        f"{day} {time[:8]} UTC</time>"
    )


@register.simple_tag
def once() -> SafeString:
    """A hidden field for each form that changes something: sent twice, it acts once."""
    return format_html(
        '<input type="hidden" name="{}" value="{}">',
        idempotency.FIELD,
        ids.time_ordered(),
    )


@register.simple_tag
def badge(text: str, colour: str = "") -> SafeString:
    """`colour` is info, success, warning, danger or nothing."""
    return format_html('<span class="badge {}">{}</span>', colour, text)


@register.simple_tag
def state_badge(state: Any) -> SafeString:
    """A state of a model, with the one label and colour that it has on every page."""
    return badge(state.label, labels.colour(state))


@register.simple_tag
def health_badge(count: int, health: str) -> SafeString:
    """The number of endpoints with a health; nothing for none."""
    state = Endpoint.Health(health)
    text = f"{count} {state.label.lower()}"
    return badge(text, labels.colour(state)) if count else SafeString("")


@register.simple_tag
def unmatched_badge() -> SafeString:
    return badge("unmatched", labels.UNMATCHED)


@register.simple_tag
def recovery_badge(state: str) -> SafeString:
    return state_badge(Recovery.State(state))


@register.simple_tag
def table_head(*titles: str) -> SafeString:
    cells = format_html_join("", '<th scope="col">{}</th>', ((t,) for t in titles))
    return format_html("<thead><tr>{}</tr></thead>", cells)


@register.filter
def milliseconds(value: int) -> str:
    return f"{value} ms" if value < 1000 else f"{value / 1000:.1f} s"


@register.inclusion_tag("console/took.html")
def took(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt,
        "parts": _parts(attempt),
        # Never 0, which SVG cannot draw.
        "total": max(attempt.duration_ms, 1),
    }


@register.filter
def grouped(number: int) -> str:
    """A count that may be large, in groups of three digits."""
    return f"{number:,}"


@register.simple_tag(takes_context=True)
def explored(context: Any) -> Partner | None:
    """The partner that the viewer calls the APIs as; no query when nobody explores."""
    request = context["request"]
    if not exploring.is_exploring(request):
        return None
    return exploring.explored_partner(request)


# --- How long an attempt took -------------------------------------------------------

_WITHOUT_CONNECTION = frozenset(
    {Outcome.REFUSED, Outcome.DNS, Outcome.CONNECT, Outcome.TLS, ERROR}
)
"""Ended before there was a connection, so the rest of the time is only rounding."""

_ROUNDING = 5
"""Milliseconds that rounding may leave."""


@dataclass(frozen=True)
class _Part:
    name: str
    label: str
    start: int  # of the attempt, in milliseconds
    length: int


def _parts(attempt: Attempt) -> list[_Part]:
    """Empty for an attempt that was made before these times were stored."""
    if attempt.lookup_ms is None and attempt.connect_ms is None:
        return []
    spans = [
        ("lookup", "DNS", attempt.lookup_ms),
        ("connect", "connect", attempt.connect_ms),
    ]
    known = [
        (name, label, length) for name, label, length in spans if length is not None
    ]
    left = max(attempt.duration_ms - sum(length for _, _, length in known), 0)
    if attempt.status or (
        attempt.outcome not in _WITHOUT_CONNECTION and left > _ROUNDING
    ):
        known.append(("answer", "response", left))
    shown, start = [], 0
    for name, label, length in known:
        shown.append(_Part(name, label, start, length))
        start += length
    return shown
