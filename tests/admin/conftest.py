"""Staff of several kinds, logged in.

unfold's templates reach for variables that are not always there, so that here a missing
one is no failure.
"""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

Login = Callable[..., Client]


@pytest.fixture(autouse=True)
def _foreign_templates(templates_of_others) -> None:
    pass


@pytest.fixture
def boss(db) -> User:
    return User.objects.create_superuser("boss", "boss@example.com", "secret")


@pytest.fixture
def console(boss: User) -> Client:
    """A browser in which a superuser is logged in."""
    client = Client()
    client.force_login(boss, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def login(db) -> Login:
    """Logs a member of staff in who has the named permissions and no others."""

    def log_in(*codenames: str) -> Client:
        user = User.objects.create_user(
            f"staff-{User.objects.count()}", password="secret", is_staff=True
        )
        found = Permission.objects.filter(codename__in=codenames)
        assert found.count() == len(codenames)
        user.user_permissions.set(found)
        client = Client()
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        return client

    return log_in
