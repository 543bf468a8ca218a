"""Every migration runs forward over tables that are not empty."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FIRST = ("webhooks", "0001_initial")


def fill(apps) -> dict[str, int]:
    """One row in each table as the first migration made them; the counts by model."""

    def create(model: str, **fields):
        return apps.get_model("webhooks", model).objects.create(**fields)

    partner = create("Partner", name="Acme", created_at=NOW)
    key = create(
        "ApiKey", partner=partner, prefix="0123456789", digest="0" * 64, pepper=1,
        created_at=NOW,
    )  # fmt: skip
    subscription = create(
        "Subscription", partner=partner, dialect="portal", profile="standard",
        public_id="1", api_key=key, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    endpoint = create(
        "Endpoint",
        subscription=subscription,
        url="https://a.example.com/",
        created_at=NOW,
    )
    create("SigningSecret", subscription=subscription, value="x", created_at=NOW)
    apps.get_model("webhooks", "EventType").objects.all().delete()  # of other tests
    create("EventType", name="order.created")
    event = create(
        "Event", partner=partner, type="order.created", data={}, occurred_at=NOW,
        created_at=NOW, matched=1,
    )  # fmt: skip
    delivery = create(
        "Delivery", event=event, partner=partner, subscription=subscription,
        endpoint=endpoint, url=endpoint.url, profile="standard", state="pending",
        created_at=NOW, due_at=NOW,
    )  # fmt: skip
    create(
        "Attempt", delivery=delivery, number=1, started_at=NOW, duration_ms=1,
        outcome="ok", status=200,
    )  # fmt: skip
    create("EndpointHour", endpoint=endpoint, partner=partner, hour=NOW)
    create("Recovery", partner=partner, state="preview", actor="x", created_at=NOW)
    create(
        "AuditEntry", at=NOW, actor_kind="system", actor="system", action="x",
        target_type="partner", target_id=str(uuid4()),
    )  # fmt: skip
    return counts(apps)


def counts(apps) -> dict[str, int]:
    models = apps.get_app_config("webhooks").get_models()
    return {model.__name__: model.objects.count() for model in models}


@pytest.mark.django_db(transaction=True)
def test_every_migration_runs_over_rows_and_keeps_them():
    executor = MigrationExecutor(connection)
    latest = [
        node for node in executor.loader.graph.leaf_nodes() if node[0] == "webhooks"
    ]
    try:
        executor.migrate([FIRST])
        # What somebody has made of a role by hand, and a database without the others.
        Group.objects.filter(name__in=["Viewer", "Operator", "Manager"]).delete()
        by_hand = Group.objects.create(name="Operator")
        before = fill(MigrationExecutor(connection).loader.project_state(FIRST).apps)
        assert set(before.values()) == {1}
        executor = MigrationExecutor(connection)
        executor.migrate(latest)
        after = counts(executor.loader.project_state(latest).apps)
        assert {name: after[name] for name in before} == before | {
            # The catalogue is filled in by the first start of each release.
            "EventType": after["EventType"]
        }
        assert not by_hand.permissions.exists()
        viewer, manager = (Group.objects.get(name=n) for n in ("Viewer", "Manager"))
        assert viewer.permissions.filter(codename="view_delivery").exists()
        assert manager.permissions.filter(codename="reveal_secret").exists()
        recovery = executor.loader.project_state(latest).apps.get_model(
            "webhooks", "Recovery"
        )
        (once_a_preview,) = recovery.objects.all()
        assert (once_a_preview.state, once_a_preview.finished_at) == ("cancelled", NOW)
    finally:
        Group.objects.filter(name="Operator").delete()
        executor = MigrationExecutor(connection)
        executor.migrate(latest)


@pytest.mark.django_db(transaction=True)
def test_roles_are_made_where_no_permission_is_yet():
    """As on a new database, where permissions come after the last migration."""
    executor = MigrationExecutor(connection)
    latest = [
        node for node in executor.loader.graph.leaf_nodes() if node[0] == "webhooks"
    ]
    executor.migrate([("webhooks", "0008_staff_lists")])
    Group.objects.all().delete()
    Permission.objects.all().delete()
    MigrationExecutor(connection).migrate(latest)
    counts = {g.name: g.permissions.count() for g in Group.objects.all()}
    assert counts == {"Viewer": 14, "Operator": 20, "Manager": 29}


def test_the_graph_has_one_end():
    graph = MigrationLoader(None).graph
    assert len(graph.leaf_nodes("webhooks")) == 1
