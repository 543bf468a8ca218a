"""Changes of one subscription at the same time: what was acknowledged is not undone.

The requests come from the OpenAPI documents: one that changes the URL, and one that leaves it
alone. Where every change replaces all settings, one of them is kept, as a whole.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import Client

from tests.described import URL, Request, operations, requests
from tests.dialects.forms import SLUGS, Caller, create
from webhooks.models import AuditEntry, Subscription

ROUNDS = 8
BESIDE = 5


def changes(caller: Caller, row: Subscription) -> dict[bool, Request]:
    """A change of the subscription that names the URL, and one that does not. Where the
    interface keeps fields that it does not know, each has one of its own."""
    found: dict[bool, Request] = {}
    for operation in operations(row.dialect):
        if operation.is_read or operation.method == "DELETE":
            continue
        for request in requests(
            operation,
            ids=[row.public_id],
            partner_id=str(caller.partner.id),
            dialect=row.dialect,
        ):
            names_url = URL in str(request.body)
            remark = {"remark": "0"} if names_url else {"other": "beside"}
            noted = replace(request, body={**(request.body or {}), **remark})
            for each in (noted, request):
                if names_url in found:
                    continue
                urls = urls_after(each, caller, row)
                if urls is not None and (names_url or urls == row.urls):
                    found[names_url] = each
    return found


def urls_after(request: Request, caller: Caller, row: Subscription) -> Any:
    """The URLs of the subscription after a request that changes it; None after another."""
    with transaction.atomic():
        AuditEntry.objects.all().delete()
        response = request.send(Client(), caller.text)
        # That the key may read secrets is recorded once an hour, whatever it asks.
        entries = AuditEntry.objects.exclude(action="secrets.shown")
        written = list(entries.values_list("action", "target_id"))
        urls = Subscription.objects.get(id=row.id).urls
        transaction.set_rollback(True)
    is_done = response.status_code < 300
    is_change = written == [("subscription.updated", str(row.id))]
    return urls if is_done and is_change else None


def numbered(value: Any, number: int) -> Any:
    """The body with this number in its URLs and its remark."""
    match value:
        case dict():
            return {
                name: str(number) if name == "remark" else numbered(inner, number)
                for name, inner in value.items()
            }
        case list():
            return [numbered(inner, number) for inner in value]
    return f"{URL}/{number}" if value == URL else value


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("slug", SLUGS)
def test_a_change_beside_others_is_kept(slug):
    caller = Caller()
    row = create(slug, caller)
    found = changes(caller, row)
    assert True in found
    others = [found[False]] * BESIDE if False in found else []

    def send(request: Request) -> None:
        try:
            gate.wait()
            response = request.send(Client(), caller.text)
            assert response.status_code < 300, response.content
        finally:
            connections.close_all()

    with ThreadPoolExecutor(BESIDE + 1) as pool:
        for round in range(ROUNDS):
            gate = Barrier(BESIDE + 1)
            numbers = [10 * round + n for n in range(BESIDE + 1 - len(others))]
            mine = [
                replace(found[True], body=numbered(found[True].body, number))
                for number in numbers
            ]
            list(pool.map(send, [*mine, *others]))
            row.refresh_from_db()
            (kept,) = [n for n in numbers if f"{URL}/{n}" in row.urls]
            if "remark" in row.extras:
                assert row.extras["remark"] == str(kept), "of the same change"
