"""The roles that staff are given: Viewer, Operator and Manager, each with what the one before may.

They are made once. A group of one of these names that is there already is left as it is, and
so is every role from then on: whoever manages staff may edit them, and a later migration adds
to a role by name what its new pages ask for.
"""

from typing import Any

from django.contrib.auth.management import create_permissions

VIEWER = [
    "view_apikey",
    "view_attempt",
    "view_auditentry",
    "view_delivery",
    "view_endpoint",
    "view_endpointhour",
    "view_event",
    "view_eventtype",
    "view_notice",
    "view_partner",
    "view_recovery",
    "view_signingsecret",
    "view_subscription",
    "view_worker",
]
# What repairs a partner's webhooks, and stops a key that leaked.
OPERATOR = [
    *VIEWER,
    "add_event",
    "add_subscription",
    "change_subscription",
    "issue_key",
    "replay_delivery",
    "revoke_key",
]
# What ends something, shows a secret, or calls the APIs as a partner, which can do both.
MANAGER = [
    *OPERATOR,
    "add_eventtype",
    "add_partner",
    "change_eventtype",
    "change_partner",
    "delete_subscription",
    "explore_partner",
    "reveal_secret",
]
ROLES = {
    "Viewer": {"webhooks": VIEWER},
    "Operator": {"webhooks": OPERATOR},
    "Manager": {"webhooks": MANAGER, "auth": ["view_group", "view_user"]},
}


def make(apps: Any, schema_editor: Any) -> None:
    using = schema_editor.connection.alias
    _make_permissions(apps, using)
    groups = apps.get_model("auth", "Group").objects.using(using)
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    for name, granted in ROLES.items():
        role, is_new = groups.get_or_create(name=name)
        if not is_new:
            continue
        for app, codenames in granted.items():
            found = permissions.filter(
                content_type__app_label=app, codename__in=codenames
            )
            role.permissions.add(*found)


def _make_permissions(apps: Any, using: str) -> None:
    """Now, since on a new database Django makes them only after the last migration."""
    for label in ("auth", "webhooks"):
        config = apps.get_app_config(label)
        # What stands for an app in a migration does not say that it has models.
        config.models_module = getattr(config, "models_module", True)
        create_permissions(config, verbosity=0, using=using, apps=apps)
