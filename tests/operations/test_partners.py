"""Partners, and what their changes leave in the audit log."""

from datetime import UTC, datetime

import pytest
import time_machine

from webhooks.models import AuditEntry, Partner
from webhooks.operations import partners
from webhooks.operations.audit import SYSTEM, Actor

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STAFF = Actor.of_staff(user_id=7, username="maria", ip="192.0.2.7")


@pytest.fixture(autouse=True)
def _stopped_clock():
    with time_machine.travel(NOW, tick=False):
        yield


def test_it_creates_a_partner_and_says_who_did():
    partner = partners.create(by=STAFF, name="Acme", contact_email="a@b.test")
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.actor_kind, entry.ip) == ("maria", "staff", "192.0.2.7")
    assert (entry.action, entry.target_id) == ("partner.created", str(partner.id))
    assert entry.before is None
    assert entry.after == {
        "name": "Acme",
        "contact_email": "a@b.test",
        "is_active": True,
        "limits": {},
    }


def test_it_refuses_a_name_twice_and_leaves_nothing_behind():
    partners.create(by=SYSTEM, name="Acme")
    other = partners.create(by=SYSTEM, name="Other")
    with pytest.raises(partners.NameTaken):
        partners.create(by=SYSTEM, name="Acme")
    with pytest.raises(partners.NameTaken):
        partners.update(by=SYSTEM, partner=other, name="Acme")
    assert Partner.objects.count() == 2
    assert AuditEntry.objects.count() == 2


def test_it_audits_what_differs_and_nothing_else():
    partner = partners.create(by=SYSTEM, name="Acme")
    partners.update(by=STAFF, partner=partner, is_active=False, name="Acme")
    entry = AuditEntry.objects.get(action="partner.updated")
    assert (entry.before, entry.after) == ({"is_active": True}, {"is_active": False})


def test_it_changes_no_field_but_the_partners_own():
    partner = partners.create(by=SYSTEM, name="Acme")
    identity = partner.id
    partners.update(by=SYSTEM, partner=partner, id="x", created_at=None)
    partner.refresh_from_db()
    assert (partner.id, partner.created_at) == (identity, NOW)
