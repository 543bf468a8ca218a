"""All settings, read from the environment.

Every setting has a default that works on a developer's machine. With `DEBUG=false`
the portal is in production: the defaults that would be unsafe there are gone, and a
missing value stops the start with its name.
"""

import sys
from pathlib import Path
from typing import Any

import environ

from portal.console import CONTENT_SECURITY_POLICY, UNFOLD  # noqa: F401 - settings

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()  # type: ignore[no-untyped-call]
env.read_env(BASE_DIR / ".env", encoding="utf-8")

DEVELOPMENT = env.bool("DEBUG", default=True)

# Django's own debug mode keeps the text of every statement for the life of a process and
# answers errors with its own pages. That suits `runserver` and nothing that stays up.
DEBUG = DEVELOPMENT and sys.argv[1:2] == ["runserver"]


def development(value: Any) -> Any:
    """`value` as the default in development; in production there is none."""
    return value if DEVELOPMENT else environ.Env.NOTSET


# --- Secrets -------------------------------------------------------------------------

SECRET_KEY = env.str("SECRET_KEY", default=development("development-only-" + "x" * 50))
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# `name:base64 of 32 bytes`, comma-separated. The first encrypts; all of them decrypt.
ENCRYPTION_KEYS = env.list(
    "ENCRYPTION_KEYS",
    default=development(["dev:ZGV2ZWxvcG1lbnQtb25seS1lbmNyeXB0aW9uLWtleSE="]),
)
# `number:secret`, comma-separated. The first digests new keys; all of them verify.
KEY_PEPPERS = env.list(
    "KEY_PEPPERS", default=development(["1:development-only-pepper"])
)

# --- Hosts and transport -------------------------------------------------------------

ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=development(["localhost", "127.0.0.1", "[::1]"])
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Reverse proxies in front of the portal that append to X-Forwarded-For; 0 = none, and
# then the header is a stranger's word and is not read.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

if not DEVELOPMENT:
    # Only people's pages are redirected to https. A redirected API call has already
    # sent its key, and most clients turn a redirected PUT into a GET. One dialect takes
    # its paths in any case.
    SECURE_REDIRECT_EXEMPT = [r"(?i)^(api|v1)(/|$)", r"^(healthz|readyz|metrics)$"]
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=365 * 24 * 3600)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"

SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# A session ends so long after its log-in, and sooner if its owner does nothing.
SESSION_COOKIE_AGE = env.int("SESSION_COOKIE_AGE", default=12 * 3600)
SESSION_IDLE_SECONDS = env.int("SESSION_IDLE_SECONDS", default=3600)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# A redirect turns the PUT of many clients into a GET, so the documented paths are
# served with and without their last slash instead.
APPEND_SLASH = False

# --- The application -----------------------------------------------------------------

INSTALLED_APPS = [
    "webhooks.apps.WebhooksConfig",
    "unfold.apps.BasicAppConfig",  # the site is webhooks.console.site
    "unfold.contrib.filters",
    "webhooks.apps.ConsoleConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "webhooks.console.middleware.VisibleText",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "webhooks.console.middleware.Doors",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"console": "webhooks.console.tags"},
        },
    },
]

# --- Storage -------------------------------------------------------------------------

DATABASES = {
    "default": env.db_url(
        "DATABASE_URL",
        default=development(f"sqlite:///{BASE_DIR / 'var' / 'portal.sqlite3'}"),
    )
}
_database: dict[str, Any] = DATABASES["default"]
if _database["ENGINE"] == "django.db.backends.sqlite3":
    _database.setdefault("OPTIONS", {}).update(
        {
            # A transaction that reads first and writes later cannot wait for its turn
            # unless it says so at its start.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL: an event that was answered with 202 survives a loss of power.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    )
else:
    _database.setdefault("CONN_MAX_AGE", 600)
    _database["CONN_HEALTH_CHECKS"] = True
    # A process that is frozen in the middle of a transaction, or whose host is gone, must
    # not hold its locks until TCP gives up, for hours: every worker would wait for the
    # row of one endpoint's statistics. Long enough for any of ours, and far shorter than
    # a lease. `?options=` in the URL takes its place.
    _options = _database.setdefault("OPTIONS", {})
    _options.setdefault("options", "-c idle_in_transaction_session_timeout=30s")
    # A database that answers nothing is seen to be away within seconds, not minutes.
    _options.setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Django would forget a third of 300 entries: fewer than the keys of a busy minute.
CACHES = {
    "default": env.cache_url("CACHE_URL", default="locmemcache://?max_entries=10000")
}

STATIC_URL = "static/"
# In development the files are served from where they lie, with nothing collected.
STATIC_ROOT = None if DEVELOPMENT else BASE_DIR / "staticfiles"
STORAGES = {
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEVELOPMENT

# --- People --------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# Staff without a second factor are led to set one up, and reach nothing before.
REQUIRE_SECOND_FACTOR = env.bool("REQUIRE_SECOND_FACTOR", default=False)
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "staff:home"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours; without it a lock never ends
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# Further tries are not looked at, so they do not prolong a lock whose end was told.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "webhooks.staff.account.login.locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code"]  # kept as asterisks
AXES_ENABLE_ADMIN = False  # its pages would write past our audit log
AXES_IPWARE_PROXY_COUNT = TRUSTED_PROXIES
AXES_IPWARE_META_PRECEDENCE_ORDER = (
    ["HTTP_X_FORWARDED_FOR", "REMOTE_ADDR"] if TRUSTED_PROXIES else ["REMOTE_ADDR"]
)

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10  # seconds; without it a mail server that says nothing is never left
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="webhooks@localhost")
# Where the portal is reached from outside, for links in mails; empty = no links.
PORTAL_URL = env.str("PORTAL_URL", default="").rstrip("/")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = "portal.formats"

# --- The APIs ------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "webhooks.rest.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Webhook Portal",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    # Without this a badge sends each visitor's document to a validator on the internet.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # It would judge one document of all addresses, which nobody is served: each
    # interface has its own, and `openapi --check` fails on a warning in any of them.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
}

# Requests a key may make in a minute; a safety net, not a quota. Empty = none.
API_RATE_PER_MINUTE = env.int("API_RATE_PER_MINUTE", default=60_000)

# --- Delivery ------------------------------------------------------------------------

# Networks (CIDR) and host names that deliveries may reach although they are private,
# also by plain http. Metadata addresses stay closed whatever this says.
WEBHOOKS_EGRESS_ALLOW = env.list(
    "WEBHOOKS_EGRESS_ALLOW",
    default=["127.0.0.0/8", "::1/128", "localhost"] if DEVELOPMENT else [],
)
# Plain http to public receivers too. Payloads then travel readable by anyone between.
WEBHOOKS_ALLOW_HTTP = env.bool("WEBHOOKS_ALLOW_HTTP", default=False)
# The portal's own public addresses, which no delivery may call.
WEBHOOKS_SELF_ADDRESSES = env.list("WEBHOOKS_SELF_ADDRESSES", default=[])

# Days that something is kept after it ended; 0 = for ever. With a delivery go its event and
# attempts. Failed is what did not arrive, and events that nobody was to be told of.
WEBHOOKS_RETENTION_DELIVERED_DAYS = env.int("WEBHOOKS_RETENTION_DELIVERED_DAYS", 30)
WEBHOOKS_RETENTION_FAILED_DAYS = env.int("WEBHOOKS_RETENTION_FAILED_DAYS", 90)
WEBHOOKS_RETENTION_STATISTICS_DAYS = env.int("WEBHOOKS_RETENTION_STATISTICS_DAYS", 365)

# Where `deliver` has them sent from: `local` is its own process, `celery` is workers
# that are reached through a broker.
WEBHOOKS_BACKEND = env.str("WEBHOOKS_BACKEND", default="local")
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="")
# Portals that share a broker need a queue each.
CELERY_QUEUE = env.str("CELERY_QUEUE", default="webhooks")

# --- Who watches it --------------------------------------------------------------------

# Shown by who reads /metrics. Without it only this machine may, and only in development.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "webhooks.console.untrusted_text.LogFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"django": {"level": "INFO"}, "axes": {"level": "WARNING"}},
}
