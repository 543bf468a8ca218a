"""The database itself refuses to alter an audit entry.

The portal never changes an entry; the trigger holds for code to come, and for people who type
SQL. Deleting stays possible, because some data must be deleted by law.
"""

from typing import Any

POSTGRESQL = """
CREATE FUNCTION webhooks_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only';
END $$;
CREATE TRIGGER webhooks_audit_append_only BEFORE UPDATE ON webhooks_auditentry
    FOR EACH ROW EXECUTE FUNCTION webhooks_audit_is_append_only();
"""
POSTGRESQL_BACK = """
DROP TRIGGER webhooks_audit_append_only ON webhooks_auditentry;
DROP FUNCTION webhooks_audit_is_append_only();
"""
# SQLite has no functions in SQL: the trigger does it all.
SQLITE = """
CREATE TRIGGER webhooks_audit_append_only BEFORE UPDATE ON webhooks_auditentry
BEGIN
    SELECT RAISE(ABORT, 'audit entries are append-only');
END;
"""
SQLITE_BACK = "DROP TRIGGER webhooks_audit_append_only;"


def protect(apps: Any, schema_editor: Any) -> None:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(POSTGRESQL if is_postgresql else SQLITE)


def unprotect(apps: Any, schema_editor: Any) -> None:
    is_postgresql = schema_editor.connection.vendor == "postgresql"
    schema_editor.execute(POSTGRESQL_BACK if is_postgresql else SQLITE_BACK)
