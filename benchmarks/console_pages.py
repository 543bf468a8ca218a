"""`python -m benchmarks.console_pages` asks for the console's pages as a member of staff,
and prints how many rows each shows, and for each request the seconds that it took and those of
the processor. Its calls have the room that those of a thread of `serve` have."""

import json
import time
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.test import Client  # noqa: E402

from webhooks.models import Subscription  # noqa: E402
from webhooks.server.stack import with_room  # noqa: E402

REQUESTS = 7


def main() -> None:
    client = Client(headers={"Host": "localhost"})
    boss, _ = User.objects.get_or_create(
        username="boss", is_staff=True, is_superuser=True
    )
    client.force_login(boss, "django.contrib.auth.backends.ModelBackend")
    found: dict[str, dict[str, Any]] = {}
    for name, page in _pages().items():
        _asked(client, page)  # templates are read and statements prepared
        found[name] = {"rows": 0, "seconds": [], "processor": []}
    for _ in range(REQUESTS):
        for name, page in _pages().items():
            started, computed = time.perf_counter(), time.thread_time()
            rows = _asked(client, page)
            found[name]["seconds"].append(time.perf_counter() - started)
            found[name]["processor"].append(time.thread_time() - computed)
            found[name]["rows"] = rows
    print(json.dumps(found))


def _pages() -> dict[str, str]:
    busy = Subscription.objects.earliest("created_at")
    return {
        "dashboard": "",
        "dashboard of 30 days": "?period=30d",
        "deliveries": "deliveries/",
        "deliveries, exhausted": "deliveries/?state=exhausted",
        "deliveries that failed and are not yet recovered": "deliveries/?state=unrecovered&within=7d",
        "deliveries of a partner": f"deliveries/?partner={busy.partner_id}",
        "deliveries of a subscription": f"deliveries/?subscription={busy.id}",
        "deliveries, pending": "deliveries/?state=pending",
        "deliveries, a rare status": "deliveries/?status=418",
        "deliveries, a URL": "deliveries/?url=127.0.0.1",
        "events": "events/",
        "unmatched events": "events/?matched=no",
        "audit log": "audit/",
        "audit log, an object": "audit/?target=Partner",
        "recoveries": "recoveries/",
        "keys": "keys/",
        "keys that expire": "keys/?state=expiring",
        "subscriptions": "subscriptions/",
        "subscriptions that fail": "subscriptions/?state=failing",
        "a subscription": f"subscriptions/{busy.id}/",
        "partners": "partners/",
        "a partner": f"partners/{busy.partner_id}/",
        "search": "search/?q=127.0.0.1",
    }


def _asked(client: Client, page: str) -> int:
    response = client.get(f"/staff/{page}")
    assert response.status_code == 200, (page, response.status_code)
    return response.content.count(b"<tr")


if __name__ == "__main__":
    with_room(main)
