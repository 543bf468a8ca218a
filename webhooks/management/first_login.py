"""The first member of staff, so that a new portal can be opened at all."""

import secrets

from django.contrib.auth import get_user_model

USERNAME = "admin"


def ensure() -> str | None:
    """The password of a login just made; None where there is a superuser already."""
    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(username=USERNAME, password=password)
    return password
