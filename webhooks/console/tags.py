"""Template tags of the console's pages: times, badges, addresses."""

from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webhooks.models import Attempt, Partner, ids

from . import exploring, labels, timings, untrusted_text

register = template.Library()


@register.simple_tag
def moment(value: datetime | None, none: str = "never") -> SafeString | str:
    """A time in UTC; staff.js shows it in the viewer's zone and leaves UTC on hover."""
    if value is None:
        return none
    utc = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{} UTC</time>',
        utc.isoformat(timespec="milliseconds"),
        utc.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00"),
        f"{utc:%Y-%m-%d %H:%M:%S}",
    )


@register.simple_tag
def once() -> SafeString:
    """The id that what a form makes will have: sent twice, it makes one."""
    return format_html('<input type="hidden" name="id" value="{}">', ids.time_ordered())


@register.simple_tag
def state_badge(state: str) -> SafeString:
    return badge(labels.STATES.get(state, state), labels.COLOURS.get(state, ""))


@register.simple_tag
def badge(text: str, tone: str = "") -> SafeString:
    """`tone` is info, success, warning, danger or nothing."""
    return format_html('<span class="badge {}">{}</span>', tone, text)


@register.simple_tag
def key_badge(state: str) -> SafeString:
    return badge(*labels.KEY_STATES[state])


@register.filter
def dialect_title(stored: str) -> str:
    return labels.dialect(stored)


@register.filter
def outcome(stored: str) -> str:
    return labels.outcome(stored)


@register.filter
def milliseconds(value: int) -> str:
    return f"{value} ms" if value < 1000 else f"{value / 1000:.1f} s"


@register.inclusion_tag("console/took.html")
def took(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt,
        "parts": timings.parts(attempt),
        # A bar of no length is no bar; rounded parts may be longer than the whole.
        "total": max(attempt.duration_ms, 1),
    }


@register.filter
def grouped(number: int) -> str:
    """A count that may be large, in groups of three digits."""
    return f"{number:,}"


@register.filter
def json_lines(value: Any) -> str:
    return untrusted_text.of_json(value)


@register.simple_tag(takes_context=True)
def may(context: Any, permission: str) -> bool:
    """Whether the viewer has a permission of this app, such as `replay_delivery`."""
    return bool(context["request"].user.has_perm(f"webhooks.{permission}"))


@register.simple_tag(takes_context=True)
def explored(context: Any) -> Partner | None:
    """The partner that the viewer calls the APIs as; no statement where nobody explores."""
    request = context["request"]
    if not exploring.is_exploring(request):
        return None
    return exploring.explored_partner(request)
