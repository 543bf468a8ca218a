"""What a soak begins with: a partner with endpoints, and a log of what becomes of rows.

The log is written by triggers: every change of a delivery with the claim before and after
it, and the process that made it. So who settled what is seen from below the portal.
"""

from collections.abc import Mapping, Sequence

from django.core.management import call_command
from django.db import connection

from webhooks.operations import partners, subscriptions
from webhooks.operations.audit import SYSTEM

from .apps import STANDARD, TOPIIC
from .receiver import SECRETS

FEW, MANY = TYPES = ("order.created", "order.shipped")
"""Types of events: one whose deliveries are written with it, and one whose deliveries are
written in pieces."""

SUBSCRIPTIONS: Mapping[str, tuple[str, Sequence[str], tuple[str, ...]]] = {
    # name: profile, events, paths
    "standard": (STANDARD, TYPES, ("/standard/0", "/standard/1")),
    "topiic": (TOPIIC, TYPES, ("/topiic/0",)),
    "standard, many": (STANDARD, [MANY], ("/standard/2", "/standard/3")),
    "topiic, many": (TOPIIC, [MANY], ("/topiic/1",)),
    "more, many": (STANDARD, [MANY], ("/standard/4", "/standard/5")),
    "another event": (STANDARD, ["order.cancelled"], ("/standard/never",)),
}


def paths_of(type: str) -> tuple[str, ...]:
    """Where an event arrives."""
    return tuple(
        path
        for _, types, its in SUBSCRIPTIONS.values()
        if type in types
        for path in its
    )


_POSTGRESQL = """
    CREATE TABLE soak_move (
        id bigserial PRIMARY KEY, at float8, actor text, delivery uuid,
        old_token uuid, new_token uuid, old_state text, new_state text,
        old_attempts int, new_attempts int, is_begun boolean);
    CREATE INDEX soak_move_delivery ON soak_move (delivery);
    CREATE FUNCTION soak_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO soak_move (at, actor, delivery, old_token, new_token,
                               old_state, new_state, old_attempts, new_attempts,
                               is_begun)
        VALUES (extract(epoch FROM clock_timestamp()),
                current_setting('application_name'), NEW.id,
                OLD.claim_token, NEW.claim_token, OLD.state, NEW.state,
                OLD.attempts, NEW.attempts, NEW.is_begun);
        RETURN NULL;
    END $$;
    CREATE TRIGGER soak_note AFTER UPDATE ON webhooks_delivery
    FOR EACH ROW EXECUTE FUNCTION soak_note();
"""
_SQLITE = (
    """
    CREATE TABLE soak_move (
        id integer PRIMARY KEY, at real, actor text, delivery text,
        old_token text, new_token text, old_state text, new_state text,
        old_attempts int, new_attempts int, is_begun boolean)
    """,
    "CREATE INDEX soak_move_delivery ON soak_move (delivery)",
    """
    CREATE TRIGGER soak_note AFTER UPDATE ON webhooks_delivery BEGIN
        INSERT INTO soak_move (at, actor, delivery, old_token, new_token,
                               old_state, new_state, old_attempts, new_attempts,
                               is_begun)
        VALUES ((julianday('now') - 2440587.5) * 86400.0, soak_actor(), NEW.id,
                OLD.claim_token, NEW.claim_token, OLD.state, NEW.state,
                OLD.attempts, NEW.attempts, NEW.is_begun);
    END
    """,
)


def build(receiver: str) -> None:
    """In an empty database; `receiver` is the URL before the path."""
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        on_postgresql = connection.vendor == "postgresql"
        for statement in (_POSTGRESQL,) if on_postgresql else _SQLITE:
            cursor.execute(statement)
    partner = partners.create(by=SYSTEM, name="Soaked")
    for name, (profile, types, paths) in SUBSCRIPTIONS.items():
        subscriptions.create(
            by=SYSTEM,
            identity=subscriptions.SubscriptionIdentity(
                partner=partner, dialect="portal", profile=profile
            ),
            name=name,
            events=list(types),
            urls=[receiver + path for path in paths],
            secrets=[SECRETS[paths[0].split("/")[1]]],
        )
