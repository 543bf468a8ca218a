"""What `manage.py` does before the settings are read: secrets for development.

Every installation has secrets of its own, so none is published with the source. In
development they are made when they are first needed and kept in `.env`, which only its owner
may read. Production is never given any: there a missing secret is a fault.
"""

import base64
import fcntl
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from . import dotenv
from .environment import TRUE

# They read the source and no data: an image is built, and a change is checked, without secrets.
WITHOUT_DATA = (
    *("collectstatic", "makemigrations", "openapi", "startdialect"),
    *("help", "version", "--help", "-h", "--version"),
)

# Until 0.1.0 these were the defaults in development, so every older database there has data
# under them. They are no secrets: production refuses them.
PUBLISHED = {
    "ENCRYPTION_KEYS": b"development-only-encryption-key!",
    "KEY_PEPPERS": b"development-only-pepper",
}
PUBLISHED_ENTRIES = {
    "ENCRYPTION_KEYS": "dev:ZGV2ZWxvcG1lbnQtb25seS1lbmNyeXB0aW9uLWtleSE=",
    "KEY_PEPPERS": "1:development-only-pepper",
}

_HEADER = """\
# Settings of this copy, for development: README lists all of them. Keep it private.
"""
_OLDER = """\
# The second key and pepper were published with the source until 0.1.0. Older data is under
# them: docs/running.md says how to rotate both.
"""


def prepare(arguments: Sequence[str], folder: Path) -> None:
    """Give the process the secrets that its command may make.

    `arguments` is sys.argv, `folder` holds `.env`. Exits with one line when the file cannot be
    written.
    """
    command = arguments[1] if len(arguments) > 1 else "help"
    if command in WITHOUT_DATA:
        _lend()
        return
    path = dotenv.path(folder)
    if path is None:
        return
    is_start = command == "up" and not {"-h", "--help"} & {*arguments}
    try:
        _complete(path, folder, may_begin=is_start)
    except OSError as error:
        sys.exit(f"{path} cannot be written: {error.strerror}.")


def _lend() -> None:
    """Secrets that end with the process, of which it keeps nothing."""
    lent = {**new_secrets(), "ALLOWED_HOSTS": "localhost"}
    for name, value in {**lent, "DATABASE_URL": "sqlite://:memory:"}.items():
        os.environ.setdefault(name, value)


def new_secrets() -> dict[str, str]:
    """A value for each setting that is a secret and has no default."""
    key = base64.b64encode(os.urandom(32)).decode()
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ENCRYPTION_KEYS": f"k1:{key}",
        # Not 1, which was the published one: a number stands for one pepper for ever.
        "KEY_PEPPERS": f"2:{secrets.token_urlsafe(32)}",
    }


def _complete(path: Path, folder: Path, *, may_begin: bool) -> None:
    """Write what is missing into the file, if this is development.

    It is where DEBUG is true; with `may_begin` also where there is no file yet and DEBUG is
    not set. Processes that start together wait for one another.
    """
    written = dotenv.read(path, is_required=False)
    is_new = not path.exists()
    debug = os.environ.get("DEBUG")
    if debug is None and "DEBUG" in written.lines:
        debug = written.lines["DEBUG"].value
    if written.faults or not _is_development(debug, begins=is_new and may_begin):
        return
    if not _missing(written, debug):
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        missing = _missing(dotenv.read(path, is_required=False), debug)
        if not missing:
            return
        file.write(_HEADER if is_new else "\n")
        if _has_older_data(folder):
            for name in {*PUBLISHED_ENTRIES} & {*missing}:
                missing[name] += f",{PUBLISHED_ENTRIES[name]}"
            file.write(_OLDER)
        file.writelines(f"{name}={value}\n" for name, value in missing.items())
    sys.stderr.write(f"Wrote {', '.join(missing)} into {path}. Keep it private.\n")


def _is_development(debug: str | None, *, begins: bool) -> bool:
    return begins if debug is None else debug.strip().lower() in TRUE


def _missing(written: dotenv.Content, debug: str | None) -> dict[str, str]:
    """The values to write, by name, in the order of the file."""
    wanted = {"DEBUG": "true"} if debug is None else {}
    wanted |= new_secrets()
    return {
        name: value
        for name, value in wanted.items()
        if name not in os.environ and name not in written.lines
    }


def _has_older_data(folder: Path) -> bool:
    """Whether the default database was there before the file with the secrets."""
    return (
        "DATABASE_URL" not in os.environ
        and (folder / "var" / "portal.sqlite3").exists()
    )
