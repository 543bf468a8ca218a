"""What the project is made of: its apps, middleware and templates."""

from pathlib import Path

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
    "webhooks.console.access_log.AccessLog",
    "webhooks.front.middleware.NotStored",
    "webhooks.front.middleware.ApisByTlsOnly",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "webhooks.console.middleware.CleanText",
    "webhooks.front.repeated_reads.RepeatedReads",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "webhooks.console.middleware.VisibleText",
    "webhooks.front.middleware.ShortFormsBeforeLogin",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "webhooks.console.middleware.CompleteLogin",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "webhooks.front.content_policy.ContentPolicy",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).resolve().parent.parent / "templates"],
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
