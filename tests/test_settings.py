"""The environment decides, and production does not start with what is unsafe."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core import checks
from django.db import connection

from portal.settings import env
from tests.environment import SETTINGS as DEVELOPMENT
from tests.waiting import PATIENCE
from webhooks.rest import interfaces

ROOT = Path(__file__).parent.parent
PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": "k" * 25 + "0123456789-ABCDEFGHIJKLMNOPQR",
    "ALLOWED_HOSTS": "portal.example.com",
    "DATABASE_URL": "sqlite://:memory:",
    "ENCRYPTION_KEYS": "one:MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=",
    "KEY_PEPPERS": "1:a-pepper-of-production",
}


def manage(*arguments: str, environment: dict[str, str]):
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "LANG") or name.startswith("COVERAGE")
    }
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**inherited, "ENV_FILE": "", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_production_passes_the_deployment_checks():
    done = manage(
        "check", "--deploy", "--fail-level", "WARNING", environment=PRODUCTION
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "missing",
    ["SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "ENCRYPTION_KEYS", "KEY_PEPPERS"],
)
def test_production_does_not_start_without(missing):
    environment = {k: v for k, v in PRODUCTION.items() if k != missing}
    done = manage("check", environment=environment)
    assert done.returncode != 0
    assert missing in done.stderr


FREE = {"ENV_FILE", "SECRET_KEY_FALLBACKS"}
# A word, which hardly any setting takes, and what else must be refused.
WRONG = dict.fromkeys([name for name in env.names if name not in FREE], "s3cret??") | {
    "ENCRYPTION_KEYS": "k2:c2VjcmV0,k1:c2VjcmV0",
    "TRUSTED_PROXIES": "",
    "SESSION_COOKIE_AGE": "0",
    "SESSION_IDLE_SECONDS": "0",
    "DATABASE_URL": "",
    "EMAIL_URL": "mail://u:s3cret@h",
    "WEBHOOKS_EGRESS_ALLOW": "10.0.0.1/8",
    "WEBHOOKS_SELF_ADDRESSES": "portal.example.com",
    "WEBHOOKS_RETENTION_FAILED_DAYS": "-1",
    "WEBHOOKS_RETENTION_STATISTICS_DAYS": "1e9",
    "CELERY_QUEUE": "",
    "METRICS_TOKEN": "too short",
    "LOG_LEVEL": "loud",
}


@pytest.mark.parametrize(
    "command", [["check"], ["check", "--deploy"], ["serve"], ["deliver"], ["up"]]
)
def test_every_command_tells_of_everything_that_is_wrong(command):
    done = manage(*command, environment=WRONG)
    lines = [line[2:] for line in done.stderr.splitlines() if line[:2] == "  "]
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert sorted(line.split()[0] for line in lines) == sorted(WRONG), done.stderr
    assert "s3cret" not in done.stderr
    assert "c2VjcmV0" not in done.stderr


def test_celery_tells_of_it_too():
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "portal", "worker"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ENV_FILE": "", **WRONG},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert "\n  KEY_PEPPERS is wrong: entry 1 must be" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_backend_that_needs_a_broker_asks_for_it():
    done = manage("check", environment={**PRODUCTION, "WEBHOOKS_BACKEND": "celery"})
    assert "  CELERY_BROKER_URL is wrong: it must be set" in done.stderr


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("ENCRYPTION_KEYS", "dev:ZGV2ZWxvcG1lbnQtb25seS1lbmNyeXB0aW9uLWtleSE="),
        ("KEY_PEPPERS", "1:development-only-pepper"),
    ],
)
def test_production_refuses_what_was_published(name, secret):
    both = f"{PRODUCTION[name]},{secret}".replace(",1:", ",2:")
    done = manage("check", environment={**PRODUCTION, name: both})
    assert f"  {name} is wrong: it has a secret in it that was published" in done.stderr


@pytest.mark.parametrize(
    "slip",
    [
        "\ufeffDEBUG=false",
        "DEBUG = false",
        "debug=false",
        "debug=true",
        "# DEBUG=true",
        "DEBUG=0",
        "",
    ],
)
def test_no_slip_in_its_file_makes_production_development(slip, tmp_path):
    lines = [slip, *(f"{k}={v}" for k, v in PRODUCTION.items() if k != "DEBUG")]
    (tmp_path / "env").write_text("\n".join(lines), encoding="utf-8")
    done = manage(
        "shell",
        "-v0",
        "-c",
        "from django.conf import settings; print(settings.DEVELOPMENT)",
        environment={"ENV_FILE": str(tmp_path / "env")},
    )
    assert done.stdout == "False\n", done.stderr


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path):
    done = manage("serve", environment={**PRODUCTION, "ENV_FILE": str(tmp_path)})
    assert done.returncode == 1
    assert f"  {tmp_path} cannot be read: Is a directory." in done.stderr


def test_a_slip_in_a_name_is_a_warning_of_the_check(tmp_path):
    (tmp_path / "env").write_text("WEBHOOK_EGRESS_ALLOW=10.0.0.0/8\n")
    environment = {**PRODUCTION, "ENV_FILE": str(tmp_path / "env")}
    done = manage(
        "check", "--deploy", "--fail-level", "WARNING", environment=environment
    )
    assert done.returncode == 1
    assert (
        "(webhooks.W001) env line 1: WEBHOOK_EGRESS_ALLOW is no setting. "
        "Is it WEBHOOKS_EGRESS_ALLOW?"
    ) in done.stderr


def test_production_opens_no_private_network_by_default():
    done = manage(
        "shell",
        "-v0",
        "-c",
        "from django.conf import settings; print(settings.WEBHOOKS_EGRESS_ALLOW)",
        environment=PRODUCTION,
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/webhooks/1", 403),
        ("/v1", 403),
        ("/api/ApiKeys/1/webhook", 403),
        ("/API/APIKEYS/1/WEBHOOK", 403),
        ("/api", 301),
        ("/apiary", 301),
        ("/admin/", 301),
    ],
)
def test_production_redirects_pages_to_https_and_refuses_it_to_apis(path, status):
    code = (
        "from django.test import Client\n"
        f"answer = Client().put({path!r}, headers={{'Host': 'portal.example.com'}})\n"
        "print(answer.status_code)"
    )
    done = manage("shell", "-v0", "-c", code, environment=PRODUCTION)
    assert done.stdout.strip() == str(status), done.stderr


def test_production_serves_no_operation_of_any_interface_by_plain_http():
    code = (
        "import re\n"
        "from django.test import Client\n"
        "from webhooks.rest import interfaces\n"
        "host = {'Host': 'portal.example.com'}\n"
        "for interface in interfaces.all():\n"
        "    for pattern in interface.documented:\n"
        "        path = '/' + re.sub('<[^>]+>', 'x', str(pattern.pattern))\n"
        "        for method in pattern.callback.actions:\n"
        "            answer = Client().generic(method.upper(), path, headers=host)\n"
        "            print(interface.slug, answer.status_code, 'https' in answer.content.decode())\n"
    )
    done = manage("shell", "-v0", "-c", code, environment=PRODUCTION)
    lines = {*done.stdout.splitlines()}
    assert lines == {f"{each.slug} 403 True" for each in interfaces.all()}, done.stderr


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "['127.0.0.0/8', '::1/128', 'localhost']"), ({"": ""}, "[]")],
)
def test_development_opens_loopback_unless_told_to_open_nothing(given, expected):
    environment = {**DEVELOPMENT, "WEBHOOKS_EGRESS_ALLOW": ""} if given else DEVELOPMENT
    done = manage(
        "shell",
        "-v0",
        "-c",
        "from django.conf import settings; print(settings.WEBHOOKS_EGRESS_ALLOW)",
        environment=environment,
    )
    assert done.stdout.strip() == expected, done.stderr


@pytest.mark.django_db
@pytest.mark.postgresql("SQLite's locks are the process's own")
def test_postgresql_takes_the_locks_from_a_process_that_stopped_in_a_transaction():
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("30s",)


@pytest.mark.django_db
@pytest.mark.postgresql("SQLite compiles nothing")
def test_postgresql_compiles_no_statement():
    with connection.cursor() as cursor:
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)


def test_the_url_may_say_otherwise():
    done = manage(
        "shell",
        "-v0",
        "-c",
        "from django.conf import settings;"
        "print(settings.DATABASES['default']['OPTIONS'])",
        environment=PRODUCTION | {"DATABASE_URL": "postgres://a@b/c?options=-c%20x=1"},
    )
    assert "'options': '-c x=1'" in done.stdout


def test_a_database_that_answers_nothing_is_given_up_within_seconds():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://portal@127.0.0.1:{silent.getsockname()[1]}/portal"
        done = manage(
            "migrate", "--check", environment={**DEVELOPMENT, "DATABASE_URL": url}
        )
    assert done.returncode != 0
    assert "timeout expired" in done.stderr


def test_cookies_of_production_are_of_this_host_and_https_alone():
    names = "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME"
    flags = (
        "SESSION_COOKIE_SECURE",
        "SESSION_COOKIE_HTTPONLY",
        "CSRF_COOKIE_SECURE",
        "CSRF_COOKIE_HTTPONLY",
    )
    done = manage(
        "shell",
        "-v0",
        "-c",
        "from django.conf import settings as s;"
        f"print(*[getattr(s, name) for name in {(*names, *flags)!r}]);"
        # What a browser asks of a name with this prefix, besides https.
        "print(s.SESSION_COOKIE_PATH, s.SESSION_COOKIE_DOMAIN, s.CSRF_COOKIE_DOMAIN);"
        "print(s.SESSION_COOKIE_SAMESITE, s.CSRF_COOKIE_SAMESITE)",
        environment=PRODUCTION,
    )
    assert done.stdout.split() == [
        "__Host-sessionid",
        "__Host-csrftoken",
        *["True"] * 4,
        "/",
        "None",
        "None",
        "Lax",
        "Lax",
    ], done.stderr


def test_a_setting_of_a_package_that_is_absent_fails_the_check(settings):
    assert not [each for each in checks.run_checks() if each.id == "webhooks.E004"]
    settings.AXES_IPWARE_PROXY_COUNT = 1
    settings.RATELIMIT_ENABLE = True
    settings.AXES_VERBOSE = False  # of a package that is here
    found = [each for each in checks.run_checks() if each.id == "webhooks.E004"]
    assert [each.msg.split()[0] for each in found] == [
        "AXES_IPWARE_PROXY_COUNT",
        "RATELIMIT_ENABLE",
    ]
