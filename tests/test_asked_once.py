"""No page of the console or the admin asks the database the same thing twice."""

from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_otp import DEVICE_ID_SESSION_KEY

from tests.admin import traffic
from tests.browser import addresses
from webhooks.models import Authenticator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("templates_of_others")]

_NO_QUESTIONS = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT")


def asked_twice(client: Client, address: str) -> list[str]:
    """The statements of a GET that were executed more than once with the same parameters."""
    asked: Counter[str] = Counter()

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(_NO_QUESTIONS):
            asked[f"{sql} {params}"] += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        client.get(address)
    assert asked
    return [statement for statement, count in asked.items() if count > 1]


def viewer(factor: str) -> Client:
    """Somebody who may see everything. What the pages are about is somebody else's."""
    user = User.objects.create_superuser("viewer", password="secret")
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    if factor != "none":
        device = Authenticator(user=user, name="x", created_at=timezone.now())
        device.confirmed = factor == "confirmed"
        device.seal("A" * 32)
        device.save()
        session = client.session
        session[DEVICE_ID_SESSION_KEY] = device.persistent_id
        session.save()
    # The first request of a session makes the row of it.
    assert client.get("/staff/").status_code == 200
    return client


@pytest.mark.parametrize("factor", ["none", "waiting", "confirmed"])
def test_no_page_asks_the_database_the_same_thing_twice(factor) -> None:
    User.objects.create_user("colleague")
    rows = addresses.rows()
    traffic.one_of_each()  # so that lists have two rows of everything
    client = viewer(factor)
    found = {
        address: twice
        for address in [*addresses.staff(rows), *addresses.admin(rows)]
        if (twice := asked_twice(client, address))
    }
    assert not found
