"""The database itself refuses to alter an audit entry."""

from django.db import migrations

POSTGRESQL = """
CREATE FUNCTION webhooks_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only';
END $$;
CREATE TRIGGER webhooks_audit_append_only BEFORE UPDATE ON webhooks_auditentry
    FOR EACH ROW EXECUTE FUNCTION webhooks_audit_is_append_only();
"""
SQLITE = """
CREATE TRIGGER webhooks_audit_append_only BEFORE UPDATE ON webhooks_auditentry
BEGIN
    SELECT RAISE(ABORT, 'audit entries are append-only');
END;
"""


def protect(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    schema_editor.execute(POSTGRESQL if vendor == "postgresql" else SQLITE)


def unprotect(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "DROP TRIGGER webhooks_audit_append_only ON webhooks_auditentry;"
            "DROP FUNCTION webhooks_audit_is_append_only();"
        )
    else:
        schema_editor.execute("DROP TRIGGER webhooks_audit_append_only;")


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial")]
    operations = [migrations.RunPython(protect, unprotect)]
