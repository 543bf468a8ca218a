"""The project's own settings, with a clock that runs faster (see `apps`)."""

import os

from portal.settings import *  # noqa: F403
from portal.settings import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.soak.apps.Soak"]

options = DATABASES["default"].get("OPTIONS", {}).get("options")
if options and os.environ.get("SOAK_NAME") != "conductor":
    # How long who is frozen in a transaction keeps its locks; leases are shorter too.
    DATABASES["default"]["OPTIONS"]["options"] = options.replace("=30s", "=1s")
