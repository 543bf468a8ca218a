#!/usr/bin/env python
"""Django's command line for the portal."""

import os
import signal
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import OperationalError

from portal import first_start
from portal.environment import Wrong

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        first_start.prepare(sys.argv, Path(__file__).resolve().parent)
        _ = settings.INSTALLED_APPS
        execute_from_command_line(sys.argv)
    except Wrong as wrong:
        sys.exit(str(wrong))
    except OperationalError as error:
        # It is away, locked, or in a place that may not be written to.
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"The database cannot be used: {str(error).strip().splitlines()[0]}")
    except KeyboardInterrupt:  # before the command listens for signals itself
        sys.stderr.write("\nInterrupted.\n")
        sys.exit(130)  # as a shell tells it
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends already
