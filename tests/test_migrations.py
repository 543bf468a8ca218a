"""The tables forward and back, databases from before 0.1.0, and that what is released stays."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import DatabaseError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from webhooks import migrations, models
from webhooks.front import health
from webhooks.operations import limits

ROOT = Path(__file__).parent.parent
FOLDER = Path(migrations.__file__).parent
RELEASED = Path(__file__).with_name("released_migrations.sha256")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

# The fifteen that became one: the first had the name of the one.
BEFORE_RELEASE = [
    "0002_audit_append_only",
    "0003_permissions",
    "0004_delivery_engine",
    "0005_answers",
    "0006_failed_deliveries",
    "0007_redundant_indexes",
    "0008_staff_lists",
    "0009_roles",
    "0010_second_factor",
    "0011_attempt_timing",
    "0012_console_orders",
    "0013_first_called",
    "0014_singletons_per_shop",
    "0015_replaced_keys",
]


def fill() -> None:
    """One row in each table."""
    partner = models.Partner.objects.create(name="Acme", created_at=NOW)
    key = models.ApiKey.objects.create(
        partner=partner, prefix="0123456789", digest="0" * 64, pepper=1, created_at=NOW
    )
    subscription = models.Subscription.objects.create(
        partner=partner, dialect="portal", profile="standard", public_id="1",
        api_key=key, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    endpoint = models.Endpoint.objects.create(
        subscription=subscription, url="https://a.example.com/", created_at=NOW
    )
    models.SigningSecret.objects.create(
        subscription=subscription, value="x", created_at=NOW
    )
    models.EventType.objects.all().delete()  # what a migration filled in
    models.EventType.objects.create(name="order.created")
    event = models.Event.objects.create(
        partner=partner, type="order.created", data={}, occurred_at=NOW,
        created_at=NOW, matched=1,
    )  # fmt: skip
    models.PendingFanout.objects.create(
        event=event, partner=partner, subscriptions=subscription.id.bytes
    )
    recovery = models.Recovery.objects.create(
        partner=partner, state="running", actor="x", created_at=NOW
    )
    delivery = models.Delivery.objects.create(
        event=event, partner=partner, subscription=subscription, endpoint=endpoint,
        url=endpoint.url, profile="standard", state="pending", recovery=recovery,
        created_at=NOW, due_at=NOW,
    )  # fmt: skip
    models.Attempt.objects.create(
        delivery=delivery, number=1, started_at=NOW, duration_ms=1, outcome="ok"
    )
    models.EndpointHour.objects.create(endpoint=endpoint, partner=partner, hour=NOW)
    models.Notice.objects.create(
        partner=partner, kind="x", to="a@example.com", created_at=NOW
    )
    models.Worker.objects.create(
        host="x", pid=1, backend="local", started_at=NOW, seen_at=NOW
    )
    models.Answer.objects.create(partner=partner, key="x", fingerprint="x", sealed="x")
    models.AuditEntry.objects.create(
        at=NOW, actor_kind="system", actor="system", action="x",
        target_type="partner", target_id=str(uuid4()),
    )  # fmt: skip
    user = User.objects.create_user("ada")
    models.StaffSession.objects.create(user=user, started_at=NOW, seen_at=NOW)
    models.InitialPassword.objects.create(user=user, set_at=NOW)
    authenticator = models.Authenticator.objects.create(
        user=user, name="x", sealed="x", created_at=NOW
    )
    models.RecoveryCode.objects.create(authenticator=authenticator, digest="x")


def counts() -> dict[str, int]:
    ours = apps.get_app_config("webhooks").get_models()
    return {model.__name__: model._default_manager.count() for model in ours}


def our_tables() -> list[str]:
    names = connection.introspection.table_names()
    return [name for name in names if name.startswith("webhooks_")]


def our_migrations() -> set[str]:
    found = MigrationLoader(None).disk_migrations
    return {name for app, name in found if app == "webhooks"}


def migrate(*arguments: str) -> None:
    call_command("migrate", *arguments, verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_the_tables_go_with_their_rows_and_are_made_again():
    Group.objects.filter(name__in=["Viewer", "Operator", "Manager"]).delete()
    by_hand = Group.objects.create(name="Operator")
    fill()
    assert set(counts().values()) == {1}
    try:
        migrate("webhooks", "zero")
        assert our_tables() == []
        assert User.objects.filter(username="ada").exists()
        # What somebody has made of a role by hand, and a database without the others.
        assert Group.objects.get() == by_hand
    finally:
        migrate()

    assert {name for name, count in counts().items() if count} == {"EventType"}
    assert not by_hand.permissions.exists()
    viewer, manager = (Group.objects.get(name=n) for n in ("Viewer", "Manager"))
    assert viewer.permissions.filter(codename="view_delivery").exists()
    assert manager.permissions.filter(codename="reveal_secret").exists()
    by_hand.delete()


@pytest.mark.django_db(transaction=True)
def test_roles_are_made_where_no_permission_is_yet():
    """As on a new database, where permissions come after the last migration."""
    try:
        migrate("webhooks", "zero")
        Group.objects.all().delete()
        Permission.objects.all().delete()
    finally:
        migrate()
    counts = {g.name: g.permissions.count() for g in Group.objects.all()}
    assert counts == {"Viewer": 14, "Operator": 20, "Manager": 30}


@pytest.mark.django_db
def test_the_database_refuses_to_alter_an_audit_entry():
    fill()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        models.AuditEntry.objects.update(actor="another")
    assert models.AuditEntry.objects.all().delete()[0] == 1


@pytest.mark.django_db
@pytest.mark.postgresql("SQLite needs no vacuum")
def test_the_tables_of_the_queue_are_vacuumed_often():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname LIKE 'webhooks%' AND reloptions"
            " @> '{autovacuum_vacuum_scale_factor=0.01,autovacuum_vacuum_threshold=1000}'"
        )
        tables = {name for (name,) in cursor.fetchall()}
    assert tables == {"webhooks_delivery", "webhooks_endpoint"}


@pytest.mark.django_db(transaction=True)
def test_answers_of_forms_go_where_there_were_none():
    fill()
    models.Answer.objects.create(key="of a form", fingerprint="", sealed="x")
    try:
        migrate("webhooks", "0001_initial")
    finally:
        migrate()

    assert models.Answer.objects.get().key == "x"


@pytest.mark.django_db(transaction=True)
def test_a_database_from_before_the_release_goes_on_as_it_is(templates_of_others):
    """Its tables are those of the first migration, and fourteen names more are in its
    history. What came after the first migration is still to be applied."""
    fill()
    before = counts()
    recorder = MigrationRecorder(connection)
    try:
        migrate("webhooks", "0001_initial")
        for name in BEFORE_RELEASE:
            recorder.record_applied("webhooks", name)
    finally:
        call_command("migrate", verbosity=0, skip_checks=False)
    health._migrated.clear()

    came_later = {"PendingFanout": 0, "StaffSession": 0, "InitialPassword": 0}
    filled_up = {"EventType": counts()["EventType"]}
    assert counts() == before | filled_up | came_later
    assert health._is_migrated()
    migrate("webhooks", "--prune")
    kept = {name for app, name in recorder.applied_migrations() if app == "webhooks"}
    assert kept == our_migrations()


@pytest.mark.django_db
def test_an_older_database_is_refused_and_nothing_is_changed(
    client, templates_of_others
):
    fill()
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE webhooks_apikey RENAME COLUMN replaced_by_id TO not_yet"
        )
    health._migrated.clear()

    for options in ({}, {"check_unapplied": True}, {"prune": True}):
        with pytest.raises(SystemCheckError, match=r"older than release 0\.1\.0"):
            call_command(
                "migrate", "webhooks", verbosity=0, skip_checks=False, **options
            )

    assert client.get("/readyz").json()["reason"] == (
        "Migrations are missing; run manage.py migrate."
    )
    assert models.Partner.objects.count() == models.EventType.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_version_before_goes_on_while_limits_are_added():
    """Its processes read and write through the tables that it knows, before and after."""
    try:
        migrate("webhooks", "0002")
        former = MigrationLoader(connection).project_state(
            ("webhooks", "0002_answers_of_forms")
        )
        old = former.apps.get_model
        partner = old("webhooks", "Partner").objects.create(name="Acme", created_at=NOW)
        key = {"partner": partner, "digest": "0" * 64, "pepper": 1, "created_at": NOW}
        old("webhooks", "ApiKey").objects.create(prefix="before", **key)
        migrate()
        old("webhooks", "ApiKey").objects.create(prefix="after", **key)
        old("webhooks", "Partner").objects.create(name="Another", created_at=NOW)
        old("webhooks", "Partner").objects.update(is_active=False)
    finally:
        migrate()
    assert {p.limits for p in models.Partner.objects.all()} == {None}
    assert {k.secrets_shown_at for k in models.ApiKey.objects.all()} == {None}
    assert limits.URLS.of(models.Partner.objects.first()) == limits.URLS.default


@pytest.mark.django_db
def test_there_is_nothing_to_migrate_that_no_migration_says():
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


def test_the_graph_has_one_end():
    graph = MigrationLoader(None).graph
    assert len(graph.leaf_nodes("webhooks")) == 1


def test_no_migration_takes_a_name_that_older_databases_have_recorded():
    assert not our_migrations() & {*BEFORE_RELEASE}


def test_a_released_migration_never_changes():
    """A changed one would run on new databases only, and no two would be alike.

    The last step of a release adds its migrations, from the folder of the project:
    sha256sum $(git ls-files webhooks/migrations) > tests/released_migrations.sha256
    """
    for line in RELEASED.read_text().splitlines():
        digest, path = line.split()
        assert sha256((ROOT / path).read_bytes()).hexdigest() == digest, path


def test_a_release_leaves_no_migration_unreleased():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    since_then = changelog.partition("## [Unreleased]")[2].partition("\n## ")[0]
    if since_then.strip():
        return  # what is new is not released yet
    released = {line.split()[1] for line in RELEASED.read_text().splitlines()}
    present = {str(path.relative_to(ROOT)) for path in FOLDER.rglob("*.py")}
    assert present == released
