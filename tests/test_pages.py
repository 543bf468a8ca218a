"""The pages around the interfaces, and the addresses that load balancers ask."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from uuid import uuid4

import pytest
import yaml
from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import OperationalError, connection
from django.urls import reverse

from tests.waiting import PATIENCE
from webhooks import dialects
from webhooks.delivery import heartbeat
from webhooks.front import documents, health
from webhooks.models import Worker

LONG_AGO = datetime(2026, 11, 20, 23, tzinfo=UTC)
SLUGS = [*dialects.SLUGS, "portal", "combined"]


def test_the_first_page_leads_everywhere(client):
    page = client.get("/").content.decode()

    for address in ("/staff/", "/docs/", "/readyz"):
        assert f'href="{address}"' in page


def test_the_documents_are_listed_with_their_readers(client):
    page = client.get("/docs/").content.decode()

    for slug in SLUGS:
        for address in (f"/docs/{slug}/", f"/redoc/{slug}/", f"/schema/{slug}.yaml"):
            assert f'href="{address}"' in page
            assert client.get(address).status_code == 200
    assert client.get("/schema/").content.decode() == page


@pytest.mark.parametrize("slug", SLUGS)
def test_the_served_document_is_the_committed_one(client, slug):
    response = client.get(f"/schema/{slug}.yaml")

    committed = settings.BASE_DIR / "docs" / "openapi" / f"{slug}.yaml"
    assert response.content.decode() == committed.read_text()
    assert response["Content-Type"] == "application/yaml; charset=utf-8"
    assert yaml.safe_load(response.content)["openapi"].startswith("3.")


def test_the_first_requests_for_a_document_may_come_together_and_generate_it_once():
    program = (
        "import django; django.setup()\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from webhooks.front import documents\n"
        "with ThreadPoolExecutor(8) as threads:\n"
        "    texts = list(threads.map(documents.yaml, ['combined'] * 8))\n"
        "print(len({id(text) for text in texts}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert done.stdout == "1\n", done.stderr


@pytest.mark.parametrize(
    "address", ["/", "/healthz", "/docs/", "/admin/login/", "/api/v1/partner/webHooks"]
)
def test_nothing_echoes_what_a_trace_sends(client, address, db):
    response = client.trace(address, headers={"X-Api-Key": "of-somebody"})

    assert b"of-somebody" not in response.content


@pytest.mark.parametrize("address", ["/docs/x/", "/redoc/x/", "/schema/x.yaml"])
def test_an_unknown_document_is_not_found(client, address):
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/docs/",
        *(f"/{reader}/{slug}/" for reader in ("docs", "redoc") for slug in SLUGS),
    ],
)
def test_a_page_loads_nothing_from_elsewhere_and_no_inline_script(client, address):
    page = client.get(address).content.decode()

    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    loaded = re.findall(r"<(?:script|link|img)[^>]*?(?:src|href)=\"([^\"]*)\"", page)
    assert loaded
    for url in loaded:
        assert url.startswith("/")
        if url.startswith("/static/"):
            assert finders.find(url.removeprefix("/static/"))
    policy = client.get(address)["Content-Security-Policy"]
    assert "script-src 'self';" in f"{policy};"


def test_redoc_may_make_the_worker_of_its_search(client):
    policy = client.get("/redoc/capa/")["Content-Security-Policy"]

    assert "worker-src blob:" in policy
    assert "worker-src" not in client.get("/")["Content-Security-Policy"]


def test_swaggers_script_names_its_document_and_asks_no_validator(client):
    page = client.get("/docs/capa/").content.decode()
    assert 'src="/docs/capa/?script="' in page

    script = client.get("/docs/capa/?script=").content.decode()

    assert '"/schema/capa.yaml"' in script
    assert '"validatorUrl": null' in script


def test_titles_are_escaped(client, monkeypatch):
    monkeypatch.setattr(documents, "title", lambda slug: "<b>Bold & co</b>")

    for address in ("/docs/", "/docs/capa/", "/redoc/capa/"):
        page = client.get(address).content.decode()
        assert "<b>" not in page
        assert "&lt;b&gt;Bold &amp; co" in page


@pytest.mark.parametrize("address", ["/", "/docs/", "/schema/capa.yaml", "/healthz"])
def test_a_page_is_only_read(client, address):
    assert client.head(address).status_code == 200
    assert client.post(address).status_code == 405


class TestHealth:
    @pytest.fixture(autouse=True)
    def forget(self):
        health._migrated.clear()
        yield
        health._migrated.clear()

    def test_a_process_that_answers_is_alive_without_a_database(self, client):
        # Without the django_db mark, a test that asks the database fails.
        response = client.get(reverse("front:live"))

        assert response.status_code == 200
        assert response.json() == {"status": "ok"}
        assert "no-store" in response["Cache-Control"]

    @pytest.mark.django_db
    def test_it_is_ready_when_the_database_is_migrated(self, client):
        response = client.get("/readyz")

        assert response.status_code == 200
        assert response.json() == {"status": "ok", "worker": {"state": "none"}}
        assert "no-store" in response["Cache-Control"]

    @pytest.mark.django_db
    def test_it_is_ready_while_a_worker_is_heard_of(self, client):
        Worker.objects.create(
            host="gone", pid=1, backend="local", started_at=LONG_AGO, seen_at=LONG_AGO
        )
        heartbeat.beat(uuid4(), "local")

        response = client.get("/readyz")

        assert response.status_code == 200
        assert response.json()["worker"]["state"] == "alive"
        assert response.json()["worker"]["last_seen"] > "2026-11-21T"

    @pytest.mark.django_db
    def test_it_is_not_ready_when_every_worker_has_fallen_silent(self, client):
        for pid in (1, 2):
            Worker.objects.create(
                host="gone", pid=pid, backend="local", started_at=LONG_AGO,
                seen_at=LONG_AGO,
            )  # fmt: skip

        response = client.get("/readyz")

        assert response.status_code == 503
        assert response.json() == {
            "status": "unavailable",
            "reason": "No delivery worker has been heard of for 30 seconds.",
            "worker": {"state": "silent", "last_seen": "2026-11-20T23:00:00Z"},
        }

    @pytest.mark.django_db
    def test_it_looks_for_migrations_until_they_are_there(
        self, client, django_assert_num_queries
    ):
        client.get("/readyz")

        with django_assert_num_queries(1):
            assert client.get("/readyz").status_code == 200

    @pytest.mark.django_db
    def test_it_is_not_ready_while_a_migration_is_missing(self, client):
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM django_migrations WHERE app = 'webhooks' AND name = "
                "(SELECT max(name) FROM django_migrations WHERE app = 'webhooks')"
            )

        response = client.get("/readyz")

        assert response.status_code == 503
        assert response.json() == {
            "status": "unavailable",
            "reason": "Migrations are missing; run manage.py migrate.",
        }

    @pytest.mark.django_db
    def test_it_is_not_ready_without_a_database_and_tells_no_more(
        self, client, monkeypatch
    ):
        def cursor():
            raise OperationalError("password of postgres@db is wrong")

        monkeypatch.setattr(connection, "cursor", cursor)

        response = client.get("/readyz")

        assert response.status_code == 503
        assert response.json()["reason"] == "The database cannot be reached."


def test_redoc_asks_its_maker_for_no_picture(client):
    page = client.get("/redoc/capa/").content.decode()
    assert 'src="/redoc/redoc.standalone.js"' in page
    script = client.get("/redoc/redoc.standalone.js")
    assert script["Content-Type"] == "text/javascript; charset=utf-8"
    assert len(script.content) > 500_000
    assert b"//cdn." not in script.content


def test_a_login_without_a_destination_ends_in_the_console(client, admin_user):
    admin_user.set_password("a-password-of-length")
    admin_user.save()
    answer = client.post(
        "/admin/login/",
        {"username": admin_user.username, "password": "a-password-of-length"},
    )
    assert (answer.status_code, answer["Location"]) == (302, "/staff/")
