"""All settings, read from the environment.

Every setting has a default for development. `DEBUG=false` means production: there, a
missing or unsafe value stops the start with the name of the setting.
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

# It keeps every SQL statement in memory, which only `runserver` may.
DEBUG = DEVELOPMENT and sys.argv[1:2] == ["runserver"]


def development(value: Any) -> Any:
    """`value` is the default in development; production has none."""
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
# How many proxies in front append to X-Forwarded-For. With 0 no header is believed.
# `webhooks.console.client_address` decides by it; Django's SECURE_PROXY_SSL_HEADER would too.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

# These answer by plain http, too: they are asked from the same network.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
if not DEVELOPMENT:
    # Pages are redirected to https, and an API refuses plain http. False serves both by it.
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=365 * 24 * 3600)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"

SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# Seconds after the login, and seconds without a request, until a session ends.
SESSION_COOKIE_AGE = env.int("SESSION_COOKIE_AGE", default=12 * 3600)
SESSION_IDLE_SECONDS = env.int("SESSION_IDLE_SECONDS", default=3600)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Many clients turn a redirected PUT into a GET. So the documented paths are served with and
# without a final slash, and nothing is redirected.
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
    "webhooks.console.client_address.ClientAddress",
    "webhooks.front.middleware.NotStored",
    "webhooks.front.middleware.ApisByTlsOnly",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "webhooks.console.middleware.VisibleText",
    "webhooks.console.middleware.OnlyUtf8",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "webhooks.console.middleware.CompleteLogin",
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
            # A transaction that reads first and writes later can only wait for the write
            # lock if it asks for the lock at its start.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL: an event that was answered with 202 survives a power failure.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    )
else:
    _database.setdefault("CONN_MAX_AGE", 600)
    _database["CONN_HEALTH_CHECKS"] = True
    # A process can freeze in the middle of a transaction, or its host can disappear. Without
    # this limit it would hold its locks for hours, until TCP gives up, and every worker would
    # wait for one row. 30 seconds are enough for every transaction of ours and much shorter
    # than a lease. `?options=` in the URL replaces this.
    _options = _database.setdefault("OPTIONS", {})
    _options.setdefault("options", "-c idle_in_transaction_session_timeout=30s")
    _options.setdefault("connect_timeout", 5)  # seconds; TCP itself waits for minutes
# Seconds that a request waits for a lock and a statement, until it is 503. For `serve` only.
WEB_LOCK_TIMEOUT = env.int("WEB_LOCK_TIMEOUT", default=5)
WEB_STATEMENT_TIMEOUT = env.int("WEB_STATEMENT_TIMEOUT", default=15)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Django's default of 300 entries is less than the keys of a busy minute.
CACHES = {
    "default": env.cache_url("CACHE_URL", default="locmemcache://?max_entries=10000")
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
# Staff without a second factor must set one up before they can open any other page.
REQUIRE_SECOND_FACTOR = env.bool("REQUIRE_SECOND_FACTOR", default=False)
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "staff:home"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours; without it a lock never ends
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# More attempts during a lock do not make it longer: the page has told when it ends.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "webhooks.staff.account.login.locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "code"]  # kept as asterisks
AXES_ENABLE_ADMIN = False  # its pages would change rows without an audit entry
AXES_CLIENT_IP_CALLABLE = "webhooks.console.client_address.client_ip"

vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 10  # seconds; a silent mail server must not block the sender
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="webhooks@localhost")
# The portal's address from outside, for links in mails. Empty = no links.
PORTAL_URL = env.str("PORTAL_URL", default="").rstrip("/")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = "portal.formats"

# --- The APIs ------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Webhook Portal",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    # Otherwise a badge sends the document of each visitor to a validator on the internet.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "GET_LIB_DOC_EXCLUDES": "webhooks.front.documents.bases_without_description",
    # It reads one document of all addresses, which is never served: `openapi` checks each.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
}

# Requests in a minute of one key (a safety net, not a quota), and of an address without a
# valid one. 0 = no limit.
API_RATE_PER_MINUTE = env.int("API_RATE_PER_MINUTE", default=60_000)
API_RATE_WITHOUT_KEY = env.int("API_RATE_WITHOUT_KEY", default=120)

# --- Delivery ------------------------------------------------------------------------

# Private networks (CIDR) and host names that deliveries may reach, also by plain http.
# Cloud metadata addresses stay closed even if they are listed here.
WEBHOOKS_EGRESS_ALLOW = env.list(
    "WEBHOOKS_EGRESS_ALLOW",
    default=["127.0.0.0/8", "::1/128", "localhost"] if DEVELOPMENT else [],
)
# Also allows plain http to public receivers. Anyone on the way can then read the payloads.
WEBHOOKS_ALLOW_HTTP = env.bool("WEBHOOKS_ALLOW_HTTP", default=False)
# The portal's own public addresses, which no delivery may call.
WEBHOOKS_SELF_ADDRESSES = env.list("WEBHOOKS_SELF_ADDRESSES", default=[])

# Days that finished rows are kept; 0 = for ever. A delivery is deleted with its event and its
# attempts. Failed: deliveries that did not arrive, and unmatched events.
WEBHOOKS_RETENTION_DELIVERED_DAYS = env.int("WEBHOOKS_RETENTION_DELIVERED_DAYS", 30)
WEBHOOKS_RETENTION_FAILED_DAYS = env.int("WEBHOOKS_RETENTION_FAILED_DAYS", 90)
WEBHOOKS_RETENTION_STATISTICS_DAYS = env.int("WEBHOOKS_RETENTION_STATISTICS_DAYS", 365)

# Who sends deliveries: `local` is the process of `deliver` itself, `celery` is Celery workers
# behind a broker.
WEBHOOKS_BACKEND = env.str("WEBHOOKS_BACKEND", default="local")
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="")
# Portals that share a broker need a queue each.
CELERY_QUEUE = env.str("CELERY_QUEUE", default="webhooks")

# --- Monitoring ------------------------------------------------------------------------

# The bearer token for /metrics. Without it only this machine may read it, in development.
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
