"""Makes one webhook in BLAZE and one in Partnero, and prints how each is read.

Fails when reading one takes more than two SELECTs, or any other statement.
"""

import json
import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from webhooks.operations import keys, partners  # noqa: E402
from webhooks.operations.audit import SYSTEM  # noqa: E402

URL = "https://receiver.example.com/hook"
CREATED: dict[str, tuple[str, dict[str, Any]]] = {
    "blaze": (
        "/api/v1/partner/webHooks",
        {"webHookType": "NEW_CONSUMER_SIGNUP", "webHookUrls": [URL]},
    ),
    "partnero": (
        "/v1/webhooks",
        {"name": "Benchmark", "url": URL, "events": ["customer.created"]},
    ),
}


def main() -> None:
    partner = partners.create(by=SYSTEM, name="Benchmark")
    key, text = keys.issue(by=SYSTEM, partner=partner)
    client = Client(headers={"Authorization": f"Bearer {text}", "Host": "localhost"})
    reads = {}
    for dialect, (path, body) in CREATED.items():
        response = client.post(path, body, content_type="application/json")
        assert response.status_code == 200, response.content
        shown = response.json()
        id = shown["data"]["key"] if "data" in shown else shown["id"]
        with CaptureQueriesContext(connection) as executed:
            assert client.get(f"{path}/{id}").status_code == 200
        statements = [query["sql"] for query in executed.captured_queries]
        assert len(statements) <= 2, statements
        assert all(sql.startswith("SELECT ") for sql in statements), statements
        reads[dialect] = {
            "path": f"{path}/{id}",
            "bare": f"/bare/{dialect}/{key.prefix}/{id}",
        }
    print(json.dumps({"key": text, "reads": reads}))


if __name__ == "__main__":
    main()
