"""The settings of the test run: the project's own, with what a test run must decide.

`TEST_DATABASE_URL` names another database server; without it the tests use SQLite, in a
file, because that is what locks as it does in production.
"""

import os

from tests.environment import SETTINGS

os.environ |= SETTINGS
if "TEST_DATABASE_URL" in os.environ:
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]
else:
    os.environ.pop("DATABASE_URL", None)

from portal.settings import *  # noqa: F403
from portal.settings import BASE_DIR, DATABASES

# A test database need not survive a loss of power.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    (BASE_DIR / "var").mkdir(exist_ok=True)
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "var" / "test.sqlite3"}
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
    )
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"

# Every client of a test loads the middleware, which would look through all static files.
WHITENOISE_AUTOREFRESH = True

# All tests have one address, and most send requests without a valid key.
API_RATE_WITHOUT_KEY = 0

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
