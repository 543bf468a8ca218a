"""No page for people shows a character that hides text or turns its direction."""

import re
from typing import Any

import pytest
from django.db.models import BinaryField, CharField, JSONField, TextField
from django.http import HttpResponse
from django.test import RequestFactory

from tests import factories
from tests.browser import addresses
from webhooks.console.middleware import VisibleText
from webhooks.models import AuditEntry

TURNED = "abc\u202edcba"
NAMED = r"abc\u202edcba"
# What the portal itself writes, and reads by its form.
OURS = {
    "dialect", "profile", "kind", "prefix", "digest", "value", "backend", "action",
    "target_type", "target_id", "actor_id", "fingerprint", "last_outcome", "outcome",
    "public_id", "context", "filter", "scopes", "events", "disabled_reason",
    "unmatched_reason",
}  # fmt: skip
EDITED = re.compile(r'<textarea.*?</textarea>|value="[^"]*"', re.DOTALL)


def turned(model: Any) -> dict[str, Any]:
    """A text with the character for each field of `model` that takes what others wrote."""
    texts: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.primary_key or field.choices or field.name in OURS:
            continue
        if isinstance(field, BinaryField):
            texts[field.name] = TURNED.encode()
        elif isinstance(field, JSONField):
            texts[field.name] = {TURNED: [TURNED]}
        elif isinstance(field, CharField | TextField):
            texts[field.name] = TURNED
    return texts


@pytest.fixture
def pages(db) -> list[str]:
    """The address of every page of the console and the admin, over rows of such texts."""
    rows = addresses.rows()
    for model, row in rows.items():
        if model._meta.app_label == "webhooks" and model is not AuditEntry:
            model._default_manager.filter(pk=row.pk).update(**turned(model))
    first = rows[AuditEntry]  # an entry is never changed
    first.pk, first._state.adding = None, True
    for name, text in turned(AuditEntry).items():
        setattr(first, name, text)
    first.save()
    return [*addresses.staff(rows), *addresses.admin(rows)]


@pytest.mark.usefixtures("templates_of_others")
def test_no_page_shows_a_character_that_turns_a_line(admin_client, pages) -> None:
    shown, named = [], 0
    for address in addresses.shown(admin_client, pages):
        html = admin_client.get(address).content.decode()
        shown += [address] if "\u202e" in EDITED.sub("", html) else []
        named += NAMED in html
    assert shown == []
    assert named > len(pages) / 3


@pytest.mark.usefixtures("templates_of_others")
def test_the_browsable_api_shows_none_either(admin_client) -> None:
    partner = factories.partner()
    factories.subscription(partner, "portal", name=TURNED)
    admin_client.post(f"/staff/partners/{partner.pk}/explore/")
    page = "/api/portal/v1/subscriptions"
    html = admin_client.get(page, headers={"Accept": "text/html"}).content.decode()
    assert NAMED in html
    assert "\u202e" not in EDITED.sub("", html)


def test_what_is_edited_is_sent_back_as_it_was() -> None:
    page = (
        f'<p title="{TURNED}">{TURNED}\r\n</p><input value="{TURNED}">'
        f"<textarea>\n{TURNED}</textarea>"
    )
    answer = VisibleText(lambda _: HttpResponse(page))(RequestFactory().get("/"))
    assert answer.content.decode() == (
        f'<p title="{NAMED}">{NAMED}\n</p><input value="{TURNED}">'
        f"<textarea>\n{TURNED}</textarea>"
    )


def test_what_is_no_page_leaves_as_it_is() -> None:
    body = HttpResponse(TURNED, content_type="application/json")
    assert (
        VisibleText(lambda _: body)(RequestFactory().get("/")).content
        == TURNED.encode()
    )
