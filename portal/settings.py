"""All settings, read from the environment.

Without `DEBUG=true` this is production. There a setting that would be unsafe has no default.
Whatever is wrong stops the start, all of it at once. To add a setting, see environment.py.
"""

import sys
from pathlib import Path
from typing import Any, TypeVar

from portal import application, database, first_start, interfaces, logs, values
from portal.console import CONTENT_SECURITY_POLICY, UNFOLD  # noqa: F401 - settings
from portal.environment import REQUIRED, Environment

T = TypeVar("T")

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment.of_process(BASE_DIR)

DEVELOPMENT = env.bool("DEBUG", default=False)

# It keeps every SQL statement in memory, which only `runserver` may.
DEBUG = DEVELOPMENT and sys.argv[1:2] == ["runserver"]


def development(value: T) -> T:
    """`value` is the default in development; production has none."""
    return value if DEVELOPMENT else REQUIRED


# --- Secrets -------------------------------------------------------------------------

SECRET_KEY = env.read("SECRET_KEY", values.secret_key, default=REQUIRED, instead="")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# `name:base64 of 32 bytes`, comma-separated. The first encrypts; all of them decrypt.
ENCRYPTION_KEYS = env.list(
    "ENCRYPTION_KEYS", values.encryption_keys, default=REQUIRED, instead={}
)
# `number:secret`, comma-separated. The first digests new keys; all of them verify.
KEY_PEPPERS = env.list("KEY_PEPPERS", values.peppers, default=REQUIRED, instead={})
if not DEVELOPMENT:
    for name, secret in first_start.PUBLISHED.items():
        if secret in vars()[name].values():
            env.fault(name, "it has a secret in it that was published with the source")

# Start although the database has data under keys or peppers that are not configured.
ALLOW_MISSING_KEYS = env.bool("ALLOW_MISSING_KEYS", default=False)

# --- Hosts and transport -------------------------------------------------------------

ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS",
    values.hosts,
    default=development(["localhost", "127.0.0.1", "[::1]"]),
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", values.origins, default=[])
# How many proxies in front append to X-Forwarded-For. With 0 no header is believed.
# `webhooks.console.client_address` decides by it; Django's SECURE_PROXY_SSL_HEADER would too.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

# What a worker process of `serve` takes from its clients. Open connections: one more closes the
# one that has waited longest for a request.
WEB_CONNECTIONS = env.int("WEB_CONNECTIONS", default=8192, at_least=16)
# MiB of half-received bodies and half-sent answers together.
WEB_MEMORY = env.int("WEB_MEMORY", default=64, at_least=16)
# Seconds in which the head of a request must arrive. A body, or the reading of an answer, has as
# many more as its bytes take at the slowest rate, in bytes per second.
WEB_REQUEST_SECONDS = env.int("WEB_REQUEST_SECONDS", default=10, at_least=1)
# Seconds until an idle connection is closed: more than a proxy keeps its own.
WEB_IDLE_SECONDS = env.int("WEB_IDLE_SECONDS", default=75, at_least=1)
WEB_SLOWEST_RATE = env.int("WEB_SLOWEST_RATE", default=4096, at_least=1)

# Pages are redirected to https, and an API refuses plain http. False serves both by it.
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=365 * 24 * 3600)
# These answer by plain http, too: they are asked from the same network.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
if DEVELOPMENT:
    SECURE_SSL_REDIRECT, SECURE_HSTS_SECONDS = False, 0
else:
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"

SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "webhooks.console.message_storage.CookieOrSession"
# Seconds after the login, and seconds without a request, until a session ends.
SESSION_COOKIE_AGE = env.int("SESSION_COOKIE_AGE", default=12 * 3600, at_least=1)
SESSION_IDLE_SECONDS = env.int("SESSION_IDLE_SECONDS", default=3600, at_least=1)
SECURE_REFERRER_POLICY = "same-origin"
# Clients turn a redirected PUT into a GET: paths are served with and without a final slash.
APPEND_SLASH = False

# --- The application -----------------------------------------------------------------

INSTALLED_APPS = application.INSTALLED_APPS
TEMPLATES = application.TEMPLATES
MIDDLEWARE = application.MIDDLEWARE

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

# --- Storage -------------------------------------------------------------------------

DATABASES = {
    "default": env.read(
        "DATABASE_URL",
        database.parse,
        default=development(database.file(BASE_DIR / "var" / "portal.sqlite3")),
        instead=database.file(":memory:"),
    )
}
# Statements that every request makes are prepared once for each connection of PostgreSQL. A
# pooler that gives each transaction another connection may not know them: False.
DATABASE_PREPARED_STATEMENTS = env.bool("DATABASE_PREPARED_STATEMENTS", default=True)
# Seconds that a request waits for a lock and a statement, until it is 503. For `serve` only.
WEB_LOCK_TIMEOUT = env.int("WEB_LOCK_TIMEOUT", default=5, at_least=1)
WEB_STATEMENT_TIMEOUT = env.int("WEB_STATEMENT_TIMEOUT", default=15, at_least=1)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Django's default of 300 entries is less than the keys of a busy minute.
CACHES = {
    "default": env.read(
        "CACHE_URL",
        values.cache,
        default=values.cache("locmemcache://?max_entries=10000"),
        instead={},
    )
}

STATIC_URL = "static/"
# In development the files are served from the source tree, without `collectstatic`.
STATIC_ROOT = None if DEVELOPMENT else BASE_DIR / "staticfiles"
STORAGES = {
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEVELOPMENT
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- People --------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# The first hashes; the others are read, and hashed anew at the next login.
PASSWORD_HASHERS = [
    "webhooks.staff.account.passwords.Argon2id",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
] + [{"NAME": "webhooks.staff.account.passwords.NotTooLong"}]
# Staff without a second factor must set one up before they can open any other page.
REQUIRE_SECOND_FACTOR = env.bool("REQUIRE_SECOND_FACTOR", default=not DEVELOPMENT)
# How long a password is valid that somebody else has set, and that its owner must change.
INITIAL_PASSWORD_HOURS = env.int("INITIAL_PASSWORD_HOURS", default=72, at_least=1)
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "staff:home"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours; without it a lock never ends
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_HANDLER = "webhooks.staff.account.failed_logins.Handler"
# Failed logins in those 15 minutes from one address, whatever the names. 0 = no limit.
LOGIN_FAILURES_PER_ADDRESS = env.int("LOGIN_FAILURES_PER_ADDRESS", default=100)
AXES_RESET_ON_SUCCESS = True
# More attempts during a lock do not make it longer: the page has told when it ends.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "webhooks.staff.account.failed_logins.locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code"]  # kept as asterisks
AXES_ENABLE_ADMIN = False  # its pages would change rows without an audit entry
AXES_DISABLE_ACCESS_LOG = True  # the audit log has every login; that table only grows
AXES_CLIENT_IP_CALLABLE = "webhooks.console.client_address.client_network"

vars().update(
    env.read(
        "EMAIL_URL", values.email, default=values.email("consolemail://"), instead={}
    )
)
EMAIL_TIMEOUT = 10  # seconds; a silent mail server must not block the sender
DEFAULT_FROM_EMAIL = env.read(
    "DEFAULT_FROM_EMAIL", values.mail_address, default="webhooks@localhost", instead=""
)
# The portal's address from outside, for links in mails. Empty = no links.
PORTAL_URL = env.read("PORTAL_URL", values.outside_url, default="", instead="")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = "portal.formats"

# --- The APIs ------------------------------------------------------------------------

REST_FRAMEWORK = interfaces.REST_FRAMEWORK
SPECTACULAR_SETTINGS: dict[str, Any] = interfaces.SPECTACULAR_SETTINGS

# Requests in a minute of one key (a safety net, not a quota), and of an address without a
# valid one. 0 = no limit.
API_RATE_PER_MINUTE = env.int("API_RATE_PER_MINUTE", default=60_000)
API_RATE_WITHOUT_KEY = env.int("API_RATE_WITHOUT_KEY", default=120)

# --- What a partner may have ---------------------------------------------------------

# Staff may set another number for one partner in the console. Vendors allow 16 to 20
# subscriptions and URLs; BLAZE needs one for each type of event and shop.
LIMIT_SUBSCRIPTIONS = env.int("LIMIT_SUBSCRIPTIONS", default=100)
LIMIT_URLS = env.int("LIMIT_URLS", default=200)
LIMIT_SECRETS = env.int("LIMIT_SECRETS", default=200)
# Events in one subscription's list, which every read answers; keys of a chain that work at once.
LIMIT_EVENT_NAMES = env.int("LIMIT_EVENT_NAMES", default=200)
LIMIT_KEYS = env.int("LIMIT_KEYS", default=50)
LIMIT_KEY_CHAIN = env.int("LIMIT_KEY_CHAIN", default=5)
LIMIT_RECOVERIES = env.int("LIMIT_RECOVERIES", default=5)
# Redeliveries that wait; requests by tests and redeliveries in a minute.
LIMIT_SENT_AGAIN = env.int("LIMIT_SENT_AGAIN", default=1000)
LIMIT_SENDS_PER_MINUTE = env.int("LIMIT_SENDS_PER_MINUTE", default=60)
LIMIT_SENDS_PER_MINUTE_TO_ONE = env.int("LIMIT_SENDS_PER_MINUTE_TO_ONE", default=10)
# Changes in an hour by keys, which leave rows for ever; answers that are kept for a day.
LIMIT_CHANGES_PER_HOUR = env.int("LIMIT_CHANGES_PER_HOUR", default=1000)
LIMIT_IDEMPOTENCY_KEYS = env.int("LIMIT_IDEMPOTENCY_KEYS", default=10_000)

# --- Delivery ------------------------------------------------------------------------

# Private networks (CIDR) and host names that deliveries may reach, also by plain http.
# Cloud metadata addresses stay closed even if they are listed here.
WEBHOOKS_EGRESS_ALLOW = env.list(
    "WEBHOOKS_EGRESS_ALLOW",
    values.egress_allow,
    default=["127.0.0.0/8", "::1/128", "localhost"] if DEVELOPMENT else [],
)
# Also allows plain http to public receivers. Anyone on the way can then read the payloads.
WEBHOOKS_ALLOW_HTTP = env.bool("WEBHOOKS_ALLOW_HTTP", default=False)
# The portal's own public addresses, which no delivery may call.
WEBHOOKS_SELF_ADDRESSES = env.list(
    "WEBHOOKS_SELF_ADDRESSES", values.own_addresses, default=[]
)

# Days that finished rows are kept; 0 = for ever. A delivery is deleted with its event and its
# attempts. Failed: deliveries that did not arrive, and unmatched events.
WEBHOOKS_RETENTION_DELIVERED_DAYS = env.days("WEBHOOKS_RETENTION_DELIVERED_DAYS", 30)
WEBHOOKS_RETENTION_FAILED_DAYS = env.days("WEBHOOKS_RETENTION_FAILED_DAYS", 90)
WEBHOOKS_RETENTION_STATISTICS_DAYS = env.days("WEBHOOKS_RETENTION_STATISTICS_DAYS", 365)

# Who sends deliveries: `local` is the process of `deliver` itself, `celery` is Celery workers
# behind a broker.
WEBHOOKS_BACKEND = env.read(
    "WEBHOOKS_BACKEND", values.backend, default="local", instead="local"
)
CELERY_BROKER_URL = env.read("CELERY_BROKER_URL", values.broker, default="", instead="")
if WEBHOOKS_BACKEND == "celery" and not CELERY_BROKER_URL:
    env.fault("CELERY_BROKER_URL", "it must be set for WEBHOOKS_BACKEND=celery")
# Portals that share a broker need a queue each.
CELERY_QUEUE = env.str("CELERY_QUEUE", default="webhooks", at_least=1)

# --- Monitoring ------------------------------------------------------------------------

# The bearer token for /metrics. Without it only this machine may read it, in development.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="", at_least=16, may_be_empty=True)

LOGGING = logs.config(
    form=env.choice("LOG_FORMAT", tuple(logs.FORMATTERS), default="text"),
    level=env.choice("LOG_LEVEL", logs.LEVELS, default="INFO"),
)

# --- The end: what is wrong stops the start ------------------------------------------

env.stop_if_wrong(is_production=not DEVELOPMENT)
# Names in .env that look like a setting's; a system check shows them.
SETTING_WARNINGS = env.warnings
