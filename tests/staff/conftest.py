"""Staff of several kinds, logged in; the same as in the tests of the admin."""

import pytest
from django.test import Client

from tests.admin.conftest import Login, boss, console, login

__all__ = ["Login", "boss", "console", "login"]


@pytest.fixture(autouse=True)
def _foreign_templates(templates_of_others) -> None:
    pass


@pytest.fixture
def stranger(db) -> Client:
    """A browser in which nobody is logged in."""
    return Client()
