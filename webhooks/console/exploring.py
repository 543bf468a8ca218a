"""Exploring: a member of staff calls the APIs as a partner, for the rest of the session."""

from uuid import UUID

from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from webhooks.models import Partner
from webhooks.operations import partners

from . import sessions
from .actor import staff_actor

PERMISSION = "webhooks.explore_partner"
_SESSION_KEY = "explored_partner"
_LATEST_KEY = "explored_latest"  # stays in the session after exploring has ended


def begin(request: HttpRequest, partner: Partner) -> None:
    """From now on this session calls the APIs as `partner`, until `leave` or log-out."""
    leave(request)  # the partner before
    partners.begin_exploring(by=staff_actor(request), partner=partner)
    id = str(partner.id)
    if request.session.get(_LATEST_KEY, id) != id:
        # Another tab may still show a page of the partner before. Its address names no
        # partner, so a form sent from there must be refused.
        rotate_token(request)
    request.session[_SESSION_KEY] = request.session[_LATEST_KEY] = id


def leave(request: HttpRequest) -> Partner | None:
    """End it; the partner that was explored, None when there was none."""
    partner = explored_partner(request)
    request.session.pop(_SESSION_KEY, None)
    if partner is not None:
        partners.end_exploring(by=staff_actor(request), partner=partner)
    return partner


def explored_partner(request: HttpRequest) -> Partner | None:
    """The partner that the member of staff behind `request` explores as."""
    id: str | None = request.session.get(_SESSION_KEY)
    return Partner.objects.filter(id=UUID(id)).first() if id else None


def is_exploring(request: HttpRequest) -> bool:
    """Whether the session has chosen a partner, and its owner may still explore."""
    session = getattr(request, "session", None)
    if session is None or _SESSION_KEY not in session:
        return False
    user = request.user
    if not (user.is_active and user.is_staff and user.has_perm(PERMISSION)):
        return False
    return sessions.is_complete(request)
