"""Querysets that are compiled once."""

import pytest
from django.db import connection
from django.db.models import CharField, DateTimeField, F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import factories
from webhooks.models import ApiKey, Partner
from webhooks.models.kept import Kept

pytestmark = pytest.mark.django_db


def test_it_reads_rows_with_what_is_annotated_for_the_values_given():
    kept = Kept(
        lambda name: Partner.objects.filter(name=name).annotate(at=F("created_at")),
        name=CharField(),
    )
    for partner in (factories.partner(), factories.partner()):
        (found,) = kept.rows(name=partner.name)
        assert found == partner
        assert found.at == partner.created_at


def test_it_makes_the_sql_once(monkeypatch):
    made = []
    kept = Kept(lambda: made.append(1) or Partner.objects.all())
    kept.rows()
    first = len(made)
    kept.rows()
    factories.partner()
    with CaptureQueriesContext(connection) as asked:
        assert kept.count() == 1
    assert len(made) == first
    assert len(asked) == 1


def test_a_time_of_its_first_use_is_refused():
    kept = Kept(lambda: ApiKey.objects.usable_at(timezone.now()))
    with pytest.raises(TypeError):
        kept.rows()
    given = Kept(lambda now: ApiKey.objects.usable_at(now), now=DateTimeField())
    assert given.rows(now=timezone.now()) == []
