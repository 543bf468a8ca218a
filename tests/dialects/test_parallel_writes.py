"""Changes of one object at the same time: what was acknowledged is not undone."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections
from django.test import Client

from tests import factories

URL = "https://receiver.example.com"
ROUNDS = 8
BESIDE = 5

# Where an object is, a change of one field of it, and a change that leaves it alone.
BLAZE = (
    "PUT",
    "/api/v1/partner/webHooks/{id}",
    lambda n: {"webHookUrls": [f"{URL}/{n}"]},
    {"webHookType": "NEW_MEMBER"},
)
NURSA = (
    "PATCH",
    "/api/v2/public/webhooks/user/{id}",
    lambda n: {"url": f"{URL}/x", "events": ["all"], "remark": n},
    {"url": f"{URL}/x", "events": ["all"], "other": "beside"},
)
PARTNERO = (
    "PUT",
    "/v1/webhooks/{id}",
    lambda n: {"remark": n},
    {"other": "beside"},
)


def value_of(slug, row):
    return row.urls[0].rpartition("/")[2] if slug == "blaze" else row.extras["remark"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("slug", "request_"),
    [("blaze", BLAZE), ("nursa", NURSA), ("partnero", PARTNERO)],
    ids=["blaze", "nursa", "partnero"],
)
def test_a_change_beside_others_is_kept(slug, request_):
    method, path, change, other = request_
    partner = factories.partner()
    _, key = factories.key(partner)
    row = factories.subscription(partner, slug, urls=[f"{URL}/0"])
    where = path.format(id=row.public_id)

    def send(body):
        try:
            gate.wait()
            response = Client().generic(
                method,
                where,
                json.dumps(body),
                content_type="application/json",
                headers={"Authorization": f"Bearer {key}"},
            )
            assert response.status_code < 300, response.content
        finally:
            connections.close_all()

    with ThreadPoolExecutor(BESIDE + 1) as pool:
        for number in range(ROUNDS):
            gate = Barrier(BESIDE + 1)
            sent = [change(str(number)), *[other] * BESIDE]
            list(pool.map(send, sent))
            row.refresh_from_db()
            assert value_of(slug, row) == str(number)
