"""The audit log: append-only, and free of secrets."""

import pytest
from django.db import DatabaseError, transaction

from webhooks.models import AuditEntry, Partner
from webhooks.operations import audit

pytestmark = pytest.mark.django_db


def record(**fields):
    return audit.record(
        by=audit.SYSTEM,
        action="test",
        target=Partner(name="Acme"),
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
        target=Partner(name="y" * 500),
    )
    entry.refresh_from_db()
    assert (len(entry.actor), len(entry.target)) == (200, 300)


def test_it_has_no_entry_for_what_it_cannot_name():
    with pytest.raises(KeyError):
        audit.record(by=audit.SYSTEM, action="test", target=AuditEntry())
