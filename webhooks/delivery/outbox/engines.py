"""Which database's statements are used."""

from types import ModuleType

from django.db import connection

from . import postgresql, sqlite


def engine() -> ModuleType:
    """The module with the statements of the connected database: `wake`, `claim`,
    `record`, `put_idle_endpoints_to_sleep` and `reconcile`."""
    return postgresql if connection.vendor == "postgresql" else sqlite
