"""How processes log: to standard error, in one form for all of them."""

from typing import Any

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
FORMATTERS = {
    "text": "webhooks.console.logs.TextFormatter",
    "json": "webhooks.console.logs.JsonFormatter",
}


def config(*, form: str, level: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": FORMATTERS[form]}},
        "filters": {"refusals": {"()": "webhooks.console.logs.WithoutTraceback"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["refusals"],
            }
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"level": "INFO"},
            # What is refused is in the access log, with its status.
            "django.request": {"level": "ERROR"},
            # `runserver` has a form of its own, for what the access log says, too.
            "django.server": {"handlers": [], "level": "ERROR"},
            "axes": {"level": "WARNING"},
            # Two lines for each message of the broker, which say nothing of what was sent.
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
        },
    }
