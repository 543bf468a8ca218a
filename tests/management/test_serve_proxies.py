"""`manage.py serve` behind a proxy: what a client adds to the headers changes nothing."""

import http.client
import json
from itertools import permutations

from . import portal

CAPA = "/api/partner/v1/webhook-settings"
PROXY = "198.51.100.7"
# What the proxy wrote, and what the client sent through it.
HEADERS = [
    ("X-Forwarded-For", PROXY),
    ("X_Forwarded_For", "10.6.6.6"),
    ("X-Forwarded_For", "10.6.6.7"),
    ("x_forwarded-for", "10.6.6.8"),
]


def test_the_audit_log_has_the_address_that_the_proxy_saw(database_url, tmp_path):
    done = portal.manage(
        "issue_key", "Forger", "--create", "--json", database_url=database_url
    )
    issued = json.loads(done.stdout)
    log = tmp_path / "log"
    with portal.serving(database_url=database_url, log=log, TRUSTED_PROXIES="1") as (
        port,
        _,
    ):
        for number, headers in enumerate(permutations(HEADERS)):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.putrequest("PUT", CAPA)
            body = json.dumps({"url": f"https://example.com/{number}"}).encode()
            for name, value in headers:
                connection.putheader(name, value)
            connection.putheader("partner-api-key", issued["key"])
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            assert connection.getresponse().status == 200
            connection.close()
    found = portal.manage(
        *("shell", "-v0", "-c"),
        "from webhooks.models import AuditEntry\n"
        f"entries = AuditEntry.objects.filter(actor_id='{issued['key_id']}')\n"
        "print(*{entry.ip for entry in entries})",
        database_url=database_url,
    )
    assert found.stdout.split() == [PROXY], found.stderr
