#!/usr/bin/env python
"""Django's command line for the portal."""

import os
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import OperationalError

from portal import first_start
from portal.environment import Wrong

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    first_start.prepare(sys.argv, Path(__file__).resolve().parent)
    try:
        _ = settings.INSTALLED_APPS
        execute_from_command_line(sys.argv)
    except Wrong as wrong:
        sys.exit(str(wrong))
    except OperationalError as error:
        # It is away, locked, or in a place that may not be written to.
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"The database cannot be used: {str(error).strip().splitlines()[0]}")
