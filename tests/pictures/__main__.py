"""`python -m tests.pictures [--serve]`: writes docs/images, or leaves the console open."""

import argparse
import os
import tempfile
from pathlib import Path

import django

from tests.environment import SETTINGS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.pictures")
    parser.add_argument("--serve", action="store_true", help="leave the console open")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        url = f"sqlite:///{Path(folder) / 'portal.sqlite3'}"
        os.environ |= SETTINGS | {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        django.setup()
        # They read the settings, so they come after.
        from . import studio

        with studio.console(url, Path(folder)) as console:
            if options.serve:
                input(f"{console.address}/staff/ as {studio.LOGIN}. Enter ends it.\n")
            else:
                console.take()


if __name__ == "__main__":
    main()
