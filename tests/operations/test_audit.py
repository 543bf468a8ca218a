"""The audit log: append-only, and free of secrets."""

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from webhooks.models import AuditEntry
from webhooks.operations import audit

pytestmark = pytest.mark.django_db


def record(**fields):
    return audit.record(
        by=audit.SYSTEM,
        action="test",
        at=timezone.now(),
        target_type="thing",
        target_id="1",
        target="a thing",
        partner_id=None,
        **fields,
    )


def test_the_database_refuses_to_alter_an_entry():
    entry = record()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.filter(pk=entry.pk).update(action="forged")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        entry.save()


def test_it_never_writes_a_secret():
    entry = record(after={"secret": "s3cret", "secrets": ["s3cret"], "url": "u"})
    assert entry.after == {"secret": "[redacted]", "secrets": "[redacted]", "url": "u"}


def test_it_shortens_what_strangers_named_to_what_fits():
    entry = audit.record(
        by=audit.Actor(kind=AuditEntry.ActorKind.KEY, label="x" * 500),
        action="test",
        at=timezone.now(),
        target_type="thing",
        target_id="1",
        target="y" * 500,
        partner_id=None,
    )
    entry.refresh_from_db()
    assert (len(entry.actor), len(entry.target)) == (200, 300)
