"""The tables, and what only the database can hold.

What a field means is said in webhooks/models. Said here is what a table has beside its
fields: why an index is partial, a foreign key has no index or a default is the database's.
Three parts are written by hand and run after the tables; see `initial/`.

Released: this file and `initial/` never change. A change of the models is a new migration.
"""

import uuid

from django.conf import settings
from django.db import migrations, models
from django.db.models import CASCADE, PROTECT, F, Q

from webhooks.models.ids import time_ordered
from webhooks.models.lossless_json import Decoder

from .initial import append_only, autovacuum, roles

KEY_KINDS = [("partner", "Partner"), ("publisher", "Publisher")]
RECOVERY_STATES = [("running", "Running"), ("done", "Done"), ("cancelled", "Cancelled")]
DELIVERY_STATES = [
    ("pending", "Pending"),
    ("delivered", "Delivered"),
    ("exhausted", "Exhausted"),
    ("cancelled", "Cancelled"),
    ("not_sent", "Not sent"),
]
LANES = [(0, "Fresh"), (1, "late retry"), (2, "Recovery"), (3, "in order")]
ACTOR_KINDS = [("staff", "Staff"), ("key", "Key"), ("system", "System")]
LAST_FAILURE = "A timestamp of the last failed verification attempt. Null if last attempt succeeded."


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        # The roles hold permissions, of our models and of Django's users and groups.
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    # A `db_default` fills a column that an INSERT leaves out: that of a statement in SQL, or
    # of a process of the release before, which does not know the column yet.
    # Ids made by `time_ordered` (UUIDv7) grow with time: `-id` in an index is newest first.
    operations = [
        # --- Partners and their keys --------------------------------------------------
        migrations.CreateModel(
            name="Partner",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=uuid.uuid4, editable=False)),
                ("name", models.CharField(max_length=200, unique=True)),
                ("contact_email", models.EmailField(max_length=254, blank=True)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "permissions": [("explore_partner", "Can call the APIs as a partner")],
                "constraints": [
                    models.CheckConstraint(condition=~Q(name=""), name="partner_has_a_name"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=uuid.uuid4, editable=False)),
                ("partner", models.ForeignKey("webhooks.partner", PROTECT, null=True, blank=True, related_name="keys")),
                ("kind", models.CharField(max_length=10, choices=KEY_KINDS, default="partner", db_default="partner")),
                ("name", models.CharField(max_length=200, blank=True)),
                ("scopes", models.JSONField(default=list, blank=True)),
                ("prefix", models.CharField(max_length=16, unique=True)),
                ("digest", models.CharField(max_length=64)),
                ("pepper", models.PositiveSmallIntegerField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True, blank=True)),
                ("last_used_at", models.DateTimeField(null=True, blank=True)),
                ("revoked_at", models.DateTimeField(null=True, blank=True)),
                ("replaced_by", models.ForeignKey("webhooks.apikey", PROTECT, null=True, blank=True, related_name="+")),
            ],
            options={
                "verbose_name": "API key",
                "permissions": [
                    ("issue_key", "Can issue an API key"),
                    ("revoke_key", "Can revoke an API key"),
                ],
                "indexes": [
                    # The order of the console's list.
                    models.Index(fields=["-created_at", "-id"], name="apikey_issued"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(kind="partner", partner__isnull=False) | Q(kind="publisher", partner__isnull=True),
                        name="apikey_partner_unless_publisher",
                    ),
                ],
            },
        ),
        # --- Subscriptions, their URLs and what signs for them --------------------------
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=uuid.uuid4, editable=False)),
                ("partner", models.ForeignKey("webhooks.partner", PROTECT, related_name="subscriptions")),
                ("dialect", models.CharField(max_length=20)),
                ("profile", models.CharField(max_length=20)),
                ("public_id", models.CharField(max_length=64)),
                ("api_key", models.ForeignKey("webhooks.apikey", PROTECT, null=True, blank=True, related_name="+")),
                ("is_singleton", models.BooleanField(default=False, db_default=False)),
                ("name", models.CharField(max_length=255, blank=True)),
                ("shop_id", models.CharField(max_length=255, blank=True)),
                ("events", models.JSONField(null=True, blank=True)),
                ("is_active", models.BooleanField(default=True, db_default=True)),
                ("disabled_at", models.DateTimeField(null=True, blank=True)),
                ("disabled_reason", models.CharField(max_length=300, blank=True)),
                ("max_in_flight", models.PositiveSmallIntegerField(null=True, blank=True)),
                ("rate_per_minute", models.PositiveIntegerField(null=True, blank=True)),
                ("is_ordered", models.BooleanField(default=False, db_default=False)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("deleted_at", models.DateTimeField(null=True, blank=True)),
                ("extras", models.JSONField(decoder=Decoder, default=dict, blank=True)),
            ],
            options={
                "indexes": [
                    # The order of the console's list.
                    models.Index(fields=["-updated_at", "-id"], name="subscription_changed"),
                ],
                "constraints": [
                    # What is unique is so among the live ones: a deleted one frees its place.
                    models.UniqueConstraint(
                        fields=["partner", "dialect", "public_id"],
                        condition=Q(deleted_at=None),
                        name="subscription_public_id_unique",
                    ),
                    models.UniqueConstraint(
                        fields=["partner", "dialect", "shop_id"],
                        condition=Q(deleted_at=None, is_singleton=True),
                        name="subscription_one_singleton_per_shop",
                    ),
                    models.UniqueConstraint(
                        fields=["api_key", "dialect"],
                        condition=Q(deleted_at=None, api_key__isnull=False),
                        name="subscription_one_per_key",
                    ),
                    models.CheckConstraint(
                        condition=Q(disabled_at=None, disabled_reason="")
                        | (Q(disabled_at__isnull=False) & ~Q(disabled_reason="")),
                        name="subscription_disabled_with_a_reason",
                    ),
                    models.CheckConstraint(condition=~Q(public_id=""), name="subscription_has_a_public_id"),
                    models.CheckConstraint(
                        condition=(Q(max_in_flight=None) | Q(max_in_flight__gt=0))
                        & (Q(rate_per_minute=None) | Q(rate_per_minute__gt=0)),
                        name="subscription_limits_let_something_through",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=uuid.uuid4, editable=False)),
                ("subscription", models.ForeignKey("webhooks.subscription", CASCADE, related_name="endpoints")),
                ("url", models.CharField(max_length=2048)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("removed_at", models.DateTimeField(null=True, blank=True)),
                ("first_called_at", models.DateTimeField(null=True, blank=True)),
                ("consecutive_failures", models.PositiveIntegerField(default=0, db_default=0)),
                ("failing_since", models.DateTimeField(null=True, blank=True)),
                ("trips", models.PositiveSmallIntegerField(default=0, db_default=0)),
                ("open_until", models.DateTimeField(null=True, blank=True)),
                ("probe_token", models.UUIDField(null=True, blank=True)),
                ("paced_until", models.DateTimeField(null=True, blank=True)),
                ("next_due_at", models.DateTimeField(null=True, blank=True)),
                ("disabled_at", models.DateTimeField(null=True, blank=True)),
                ("disabled_reason", models.CharField(max_length=300, blank=True)),
            ],
            options={
                "indexes": [
                    # Only endpoints with something queued: a claim reads its first entries.
                    models.Index(
                        fields=["next_due_at"], condition=Q(next_due_at__isnull=False), name="endpoint_due"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["subscription", "url"],
                        condition=Q(removed_at=None),
                        name="endpoint_url_once_per_subscription",
                    ),
                    models.CheckConstraint(
                        condition=Q(consecutive_failures=0, failing_since=None)
                        | Q(consecutive_failures__gt=0, failing_since__isnull=False),
                        name="endpoint_failing_since_its_first_failure",
                    ),
                    models.CheckConstraint(
                        condition=Q(disabled_at=None, disabled_reason="")
                        | (Q(disabled_at__isnull=False) & ~Q(disabled_reason="")),
                        name="endpoint_disabled_with_a_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SigningSecret",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=time_ordered, editable=False)),
                ("subscription", models.ForeignKey("webhooks.subscription", CASCADE, related_name="secrets")),
                ("value", models.TextField(editable=False)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True, blank=True)),
            ],
            options={
                "permissions": [("reveal_secret", "Can see a signing secret")],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(expires_at=None) | Q(expires_at__gte=F("created_at")),
                        name="secret_expires_after_its_creation",
                    ),
                ],
            },
        ),
        # --- Events and the catalogue of their types ------------------------------------
        migrations.CreateModel(
            name="EventType",
            fields=[
                ("name", models.CharField(primary_key=True, serialize=False, max_length=128)),
                ("description", models.TextField(blank=True)),
                ("schema", models.JSONField(decoder=Decoder, null=True, blank=True)),
                ("example", models.JSONField(decoder=Decoder, default=dict, blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=time_ordered, editable=False)),
                # Its index is that of `event_partner`.
                ("partner", models.ForeignKey("webhooks.partner", PROTECT, related_name="+", db_index=False)),
                ("type", models.CharField(max_length=128)),
                ("data", models.JSONField(decoder=Decoder)),
                ("attributes", models.JSONField(decoder=Decoder, default=dict, blank=True)),
                ("idempotency_key", models.CharField(max_length=255, null=True, blank=True)),
                ("fingerprint", models.CharField(max_length=64, blank=True)),
                ("occurred_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("matched", models.PositiveIntegerField(default=0)),
                ("unmatched_reason", models.CharField(max_length=300, blank=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["partner", "-id"], name="event_partner"),
                    # Unmatched events are few, and are looked for among all others.
                    models.Index(fields=["-id"], condition=Q(matched=0), name="event_unmatched"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["partner", "idempotency_key"],
                        condition=Q(idempotency_key__isnull=False),
                        name="event_idempotency_key_unique",
                    ),
                    models.CheckConstraint(
                        condition=(Q(matched=0) & ~Q(unmatched_reason="")) | Q(matched__gt=0, unmatched_reason=""),
                        name="event_unmatched_with_a_reason",
                    ),
                ],
            },
        ),
        # --- The queue, the log and the statistics --------------------------------------
        migrations.CreateModel(
            name="Recovery",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=time_ordered, editable=False)),
                ("partner", models.ForeignKey("webhooks.partner", PROTECT, related_name="recoveries")),
                ("filter", models.JSONField(default=dict)),
                ("is_rerendered", models.BooleanField(default=False, db_default=False)),
                ("state", models.CharField(max_length=10, choices=RECOVERY_STATES)),
                ("total", models.PositiveIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0)),
                ("cursor", models.UUIDField(null=True, blank=True)),
                ("actor", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True, blank=True)),
                ("finished_at", models.DateTimeField(null=True, blank=True)),
            ],
            options={
                "verbose_name_plural": "recoveries",
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(state__in=["running", "done", "cancelled"]), name="recovery_state_known"
                    ),
                    models.CheckConstraint(condition=Q(done__lte=F("total")), name="recovery_done_within_total"),
                    models.CheckConstraint(
                        condition=Q(state="running", finished_at=None)
                        | Q(state__in=["done", "cancelled"], finished_at__isnull=False),
                        name="recovery_finished_when_it_ended",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=time_ordered, editable=False)),
                # Every index is written at every change of a row, so most foreign keys have
                # none of their own: they begin one of `indexes`.
                ("event", models.ForeignKey("webhooks.event", CASCADE, related_name="deliveries")),
                ("partner", models.ForeignKey("webhooks.partner", PROTECT, related_name="+", db_index=False)),
                ("subscription", models.ForeignKey("webhooks.subscription", CASCADE, related_name="deliveries", db_index=False)),
                ("endpoint", models.ForeignKey("webhooks.endpoint", CASCADE, null=True, blank=True, related_name="deliveries", db_index=False)),
                ("url", models.CharField(max_length=2048, blank=True)),
                ("profile", models.CharField(max_length=20)),
                ("state", models.CharField(max_length=10, choices=DELIVERY_STATES)),
                ("attempts", models.PositiveIntegerField(default=0, db_default=0)),
                ("lane", models.PositiveSmallIntegerField(choices=LANES, default=0, db_default=0)),
                ("redelivery_of", models.UUIDField(null=True, blank=True)),
                ("is_rerendered", models.BooleanField(default=False, db_default=False)),
                ("recovery", models.ForeignKey("webhooks.recovery", PROTECT, null=True, blank=True, related_name="deliveries", db_index=False)),
                ("lost_claims", models.PositiveSmallIntegerField(default=0, db_default=0)),
                ("created_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(null=True, blank=True)),
                ("claim_token", models.UUIDField(null=True, blank=True)),
                ("is_begun", models.BooleanField(default=False, db_default=False)),
                ("settled_at", models.DateTimeField(null=True, blank=True)),
                ("last_outcome", models.CharField(max_length=20, blank=True)),
                ("last_status", models.PositiveSmallIntegerField(null=True, blank=True)),
                ("reason", models.CharField(max_length=300, blank=True)),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "permissions": [("replay_delivery", "Can send a delivery again")],
                "indexes": [
                    # For claims. Only pending rows: they stay as small as the backlog.
                    models.Index(
                        fields=["endpoint", "lane", "due_at"], condition=Q(state="pending"), name="delivery_due"
                    ),
                    models.Index(
                        fields=["endpoint", "id"], condition=Q(state="pending", lane=3), name="delivery_in_order"
                    ),
                    models.Index(fields=["partner", "-id"], name="delivery_partner"),
                    models.Index(fields=["subscription", "-id"], name="delivery_subscription"),
                    # Few deliveries fail, and people look for them among the many that do not.
                    models.Index(
                        fields=["partner", "-id"],
                        condition=Q(state__in=["exhausted", "cancelled", "not_sent"]),
                        name="delivery_failed",
                    ),
                    models.Index(
                        fields=["-id"],
                        condition=Q(state__in=["exhausted", "cancelled", "not_sent"]),
                        name="delivery_failed_of_all",
                    ),
                    # Most deliveries belong to no recovery.
                    models.Index(
                        fields=["recovery", "state"], condition=Q(recovery__isnull=False), name="delivery_recovery"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(state__in=["pending", "delivered", "exhausted", "cancelled", "not_sent"]),
                        name="delivery_state_known",
                    ),
                    models.CheckConstraint(
                        condition=Q(state="pending", due_at__isnull=False, settled_at=None)
                        | (~Q(state="pending") & Q(due_at=None, claim_token=None, settled_at__isnull=False)),
                        name="delivery_due_while_pending",
                    ),
                    models.CheckConstraint(
                        condition=Q(state="not_sent") | Q(endpoint__isnull=False),
                        name="delivery_endpoint_unless_not_sent",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=time_ordered, editable=False)),
                # Its index is that of `attempt_number_unique`.
                ("delivery", models.ForeignKey("webhooks.delivery", CASCADE, related_name="attempt_log", db_index=False)),
                ("number", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField()),
                ("duration_ms", models.PositiveIntegerField()),
                ("lookup_ms", models.IntegerField(null=True, blank=True)),
                ("connect_ms", models.IntegerField(null=True, blank=True)),
                ("outcome", models.CharField(max_length=20)),
                ("status", models.PositiveSmallIntegerField(null=True, blank=True)),
                ("request_headers", models.JSONField(default=dict)),
                ("request_body", models.BinaryField(null=True)),
                ("response_headers", models.JSONField(default=list)),
                ("response_body", models.BinaryField(default=bytes)),
                ("error", models.CharField(max_length=500, blank=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number_unique"),
                ],
            },
        ),
        migrations.CreateModel(
            name="EndpointHour",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False, auto_created=True, verbose_name="ID")),
                ("endpoint", models.ForeignKey("webhooks.endpoint", CASCADE, related_name="hours")),
                ("partner", models.ForeignKey("webhooks.partner", CASCADE, related_name="+")),
                ("hour", models.DateTimeField()),
                ("delivered", models.PositiveIntegerField(default=0, db_default=0)),
                ("failed", models.PositiveIntegerField(default=0, db_default=0)),
                ("ms_10", models.PositiveIntegerField(default=0, db_default=0)),
                ("ms_25", models.PositiveIntegerField(default=0, db_default=0)),
                ("ms_50", models.PositiveIntegerField(default=0, db_default=0)),
                ("ms_100", models.PositiveIntegerField(default=0, db_default=0)),
                ("ms_250", models.PositiveIntegerField(default=0, db_default=0)),
                ("ms_500", models.PositiveIntegerField(default=0, db_default=0)),
                ("ms_1000", models.PositiveIntegerField(default=0, db_default=0)),
                ("ms_2500", models.PositiveIntegerField(default=0, db_default=0)),
                ("ms_5000", models.PositiveIntegerField(default=0, db_default=0)),
                ("ms_10000", models.PositiveIntegerField(default=0, db_default=0)),
                ("ms_more", models.PositiveIntegerField(default=0, db_default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["hour"], name="endpoint_hour_hour")],
                "constraints": [
                    # Settling adds to the row of the hour by it (INSERT … ON CONFLICT).
                    models.UniqueConstraint(fields=["endpoint", "hour"], name="endpoint_hour_once"),
                ],
            },
        ),
        # --- Mails, workers, kept answers -----------------------------------------------
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=time_ordered, editable=False)),
                ("partner", models.ForeignKey("webhooks.partner", PROTECT, related_name="+")),
                ("kind", models.CharField(max_length=40)),
                ("context", models.JSONField(default=dict)),
                ("to", models.EmailField(max_length=254)),
                ("created_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(null=True, blank=True)),
                ("sent_at", models.DateTimeField(null=True, blank=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("error", models.CharField(max_length=300, blank=True)),
            ],
            options={
                "indexes": [
                    # Only those still to be sent.
                    models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="notice_due"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=Q(due_at=None) | Q(sent_at=None), name="notice_sent_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Worker",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=uuid.uuid4, editable=False)),
                ("host", models.CharField(max_length=255)),
                ("pid", models.PositiveIntegerField()),
                ("backend", models.CharField(max_length=20)),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Answer",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=time_ordered, editable=False)),
                # Its index is that of `answer_key_unique_per_partner`.
                ("partner", models.ForeignKey("webhooks.partner", CASCADE, related_name="+", db_index=False)),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.CharField(max_length=64)),
                ("sealed", models.TextField(editable=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["partner", "key"], name="answer_key_unique_per_partner"),
                ],
            },
        ),
        # --- Staff: the audit log and the second factor ---------------------------------
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False, default=time_ordered, editable=False)),
                ("at", models.DateTimeField(db_index=True)),
                ("actor_kind", models.CharField(max_length=10, choices=ACTOR_KINDS)),
                ("actor_id", models.CharField(max_length=64, blank=True)),
                ("actor", models.CharField(max_length=200)),
                ("ip", models.GenericIPAddressField(null=True, blank=True)),
                ("action", models.CharField(max_length=64)),
                # No foreign keys: an entry outlives what it tells of.
                ("target_type", models.CharField(max_length=32)),
                ("target_id", models.CharField(max_length=64)),
                ("target", models.CharField(max_length=300, blank=True)),
                ("partner_id", models.UUIDField(null=True, blank=True)),
                ("dialect", models.CharField(max_length=20, blank=True)),
                ("before", models.JSONField(null=True, blank=True)),
                ("after", models.JSONField(null=True, blank=True)),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "indexes": [
                    models.Index(fields=["partner_id", "-at"], name="audit_partner"),
                    models.Index(fields=["target_type", "target_id"], name="audit_target"),
                ],
            },
        ),
        # The fields up to `user` are django-otp's. Neither table has permissions: nobody
        # looks at the second factor of another person.
        migrations.CreateModel(
            name="Authenticator",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False, auto_created=True, verbose_name="ID")),
                ("name", models.CharField(max_length=64, help_text="The human-readable name of this device.")),
                ("confirmed", models.BooleanField(default=True, help_text="Is this device ready for use?")),
                ("throttling_failure_timestamp", models.DateTimeField(null=True, blank=True, default=None, help_text=LAST_FAILURE)),
                ("throttling_failure_count", models.PositiveIntegerField(default=0, help_text="Number of successive failed attempts.")),
                ("user", models.ForeignKey(settings.AUTH_USER_MODEL, CASCADE, help_text="The user that this device belongs to.")),
                ("sealed", models.TextField(editable=False)),
                ("drift", models.SmallIntegerField(default=0, db_default=0)),
                ("last_step", models.BigIntegerField(default=-1, db_default=-1)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=["user"], name="authenticator_one_each"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False, auto_created=True, verbose_name="ID")),
                ("authenticator", models.ForeignKey("webhooks.authenticator", CASCADE, related_name="recovery_codes")),
                ("digest", models.CharField(max_length=64)),
                ("used_at", models.DateTimeField(null=True, blank=True)),
            ],
            options={"default_permissions": ()},
        ),
        # --- Written by hand ------------------------------------------------------------
        migrations.RunPython(append_only.protect, append_only.unprotect),
        # Going back drops the tables, and their settings with them.
        migrations.RunPython(autovacuum.run_often, migrations.RunPython.noop),
        # Going back keeps the roles, for the people who are in them.
        migrations.RunPython(roles.make, migrations.RunPython.noop),
    ]
