"""What `serve`, `deliver`, `up` and the Celery workers do first: say what starts, and refuse
to start without the keys of the stored data."""

import logging
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper
from django.db import DatabaseError

from webhooks.operations import missing_keys

logger = logging.getLogger(__name__)


def begin(output: OutputWrapper, *, verbosity: int = 1) -> None:
    """Write the first line, unless `verbosity` is 0, and refuse to start without a key.

    Raises CommandError.
    """
    if verbosity:
        output.write(about())
        output.flush()
    check_keys()


def check_keys() -> None:
    """Raises CommandError with a line for each missing key.

    A database that cannot be asked is logged: it may be away for a moment, and what runs
    then answers 503 or tries again.
    """
    try:
        missing = missing_keys.found()
    except DatabaseError as error:
        logger.warning("The database does not answer yet: %s", first_line(error))
        return
    if missing and settings.ALLOW_MISSING_KEYS:
        for line in missing:
            logger.error("%s", line)
    elif missing:
        advice = "Configure it again, or see docs/running.md: Without a key."
        raise CommandError("\n".join([*missing, advice]))


def about() -> str:
    """The version, the mode and the database, without its password."""
    version = settings.SPECTACULAR_SETTINGS["VERSION"]
    mode = "development" if settings.DEVELOPMENT else "production"
    return f"Webhook Portal {version}, {mode}, {database()}."


def database() -> str:
    config = settings.DATABASES["default"]
    if config["ENGINE"] == "django.db.backends.sqlite3":
        name = str(config["NAME"])
        return f"SQLite {name if name == ':memory:' else Path(name).absolute()}"
    user = f"{config['USER']}@" if config["USER"] else ""
    port = f":{config['PORT']}" if config["PORT"] else ""
    return f"PostgreSQL {user}{config['HOST']}{port}/{config['NAME']}"


def first_line(error: Exception) -> str:
    """What a database says first; what it adds is advice for others."""
    return str(error).strip().partition("\n")[0]
