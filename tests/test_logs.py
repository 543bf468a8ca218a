"""The log: one record for each request, in one line, with nobody's secret and nobody's forgery."""

import json
import logging
import re
import threading
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.module_loading import import_string

from portal.logs import FORMATTERS
from tests import factories
from tests.waiting import PATIENCE
from webhooks.console import logs

HOOKS = "/api/v1/partner/webHooks"
HOSTILE = "\r\n2026-11-28 INFO portal forged \x1b[2J\x7f\x85\u2028\u202etxt\U000e0041"
UUID = "3f0e2f7c-5b1c-4c8b-9d6e-5a2f0e6c7d11"


def formatted(record: logging.LogRecord, form: str = "text") -> str:
    """What the formatter of LOG_FORMAT makes of it."""
    return str(import_string(FORMATTERS[form])().format(record))


def as_json(record: logging.LogRecord) -> dict[str, Any]:
    line = formatted(record, "json")
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


class Written:
    """The records of a test, with what each formatter made of them at that moment."""

    def __init__(self) -> None:
        self.json: list[dict[str, Any]] = []
        self.text: list[str] = []

    def __call__(self, record: logging.LogRecord) -> bool:
        logs.WithoutTraceback().filter(record)
        self.json.append(as_json(record))
        self.text.append(formatted(record))
        return False

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [each for each in self.json if each["logger"] == logger]

    @property
    def access(self) -> dict[str, Any]:
        [record] = self.of("webhooks.access")
        return record


@pytest.fixture
def written():
    found = Written()
    handler = logging.Handler()
    handler.addFilter(found)
    logging.getLogger().addHandler(handler)
    yield found
    logging.getLogger().removeHandler(handler)


# --- The form of a line ---------------------------------------------------------------


def test_text_from_outside_stays_on_the_line_and_is_seen():
    record = logging.makeLogRecord({"msg": "%s failed", "args": (HOSTILE,)})
    line = formatted(record)
    assert line.isprintable()
    assert line.endswith(
        r"\u000d\n2026-11-28 INFO portal forged \u001b[2J\u007f\u0085\u2028\u202etxt"
        r"\U000e0041 failed"
    )


def test_json_says_the_same_in_ascii():
    record = logging.makeLogRecord({"msg": "%s failed", "args": (HOSTILE,)})
    line = formatted(record, "json")
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == f"{HOSTILE} failed"


def test_json_takes_what_orjson_does_not():
    fields = {"a": "\ud800", "b": 2**70, "c": object}
    record = logging.makeLogRecord({"msg": "x", logs.FIELDS: fields})
    line = formatted(record, "json")
    assert line.isascii()
    assert json.loads(line)["b"] == 2**70


def test_json_has_time_level_and_logger():
    made = {"msg": "x", "name": "a.b", "levelname": "INFO", "created": 1764374400.25}
    found = as_json(logging.makeLogRecord({**made, "process": 7}))
    assert found == {
        "time": "2025-11-29T00:00:00.250000Z",
        "level": "INFO",
        "logger": "a.b",
        "message": "x",
        "process": 7,
    }


def raised() -> Any:
    try:
        raise ValueError("a\x1bb")
    except ValueError as error:
        return type(error), error, error.__traceback__


def test_a_traceback_has_lines_of_its_own_in_text_and_is_a_member_in_json():
    record = logging.makeLogRecord({"msg": "It failed.", "exc_info": raised()})
    line, *traceback = formatted(record).split("\n")
    assert line.endswith("It failed.")
    assert traceback[0].startswith("Traceback")
    assert traceback[-1] == r"ValueError: a\u001bb"
    exception = as_json(record)["exception"]
    assert exception.startswith("Traceback")
    assert exception.endswith("ValueError: a\x1bb")
    with_stack = logging.makeLogRecord({"msg": "x", "stack_info": "Stack (most"})
    assert as_json(with_stack)["stack"] == "Stack (most"


@pytest.mark.parametrize("form", FORMATTERS)
def test_no_line_is_longer_than_its_limit(form):
    record = logging.makeLogRecord({"msg": "a" + "x" * 10**6 + "z"})
    line = formatted(record, form)
    assert len(line) < logs.LONGEST + 300
    assert "991810 more characters" in line
    assert re.search(r"xz\b", line)


@pytest.mark.parametrize("form", FORMATTERS)
def test_no_line_holds_a_key_or_a_signing_secret(form):
    key = "whk_abcdefghij_0123456789abcdefghijABCDEFGHIJ01234567"
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    record = logging.makeLogRecord(
        {"msg": f"/v1/webhooks/{key}", logs.FIELDS: {"path": f"/{secret}", "b": key}}
    )
    line = formatted(record, form)
    assert "0123456789" not in line
    assert "MfKQ9r8" not in line
    assert "whk_abcdefghij_[redacted]" in line


# --- The record of a request ----------------------------------------------------------


@pytest.mark.django_db
def test_a_call_of_an_api_is_one_record(client, written):
    key, text = factories.key(factories.partner())
    answer = client.get(f"{HOOKS}?key={text}", headers={"x-api-key": text})
    assert answer.status_code == 200
    found = written.access
    assert found.pop("duration_ms") >= 0
    assert {k: v for k, v in found.items() if k not in ("time", "process")} == {
        "level": "INFO",
        "logger": "webhooks.access",
        "message": f"GET {HOOKS} 200",
        "method": "GET",
        "path": HOOKS,
        "status": 200,
        "address": "127.0.0.1",
        "request_id": answer["X-Request-Id"],
        "caller": f"key:whk_{key.prefix}",
    }
    [line] = [line for line in written.text if "webhooks.access" in line]
    assert f"GET {HOOKS} 200 duration_ms=" in line
    assert line.count(HOOKS) == 1
    assert text not in "".join(written.text) + json.dumps(written.json)


@pytest.mark.django_db
@pytest.mark.usefixtures("templates_of_others")
def test_a_page_for_staff_names_who_asked(admin_client, admin_user, written):
    admin_client.get("/staff/partners/?q=secret")
    assert written.access["caller"] == f"staff:{admin_user.pk}"
    assert "secret" not in "".join(written.text)


@pytest.mark.django_db
@pytest.mark.usefixtures("templates_of_others")
def test_a_page_that_is_not_open_to_staff_names_who_asked(client, written):
    ann = User.objects.create_user("ann", is_staff=True)
    client.force_login(ann, "django.contrib.auth.backends.ModelBackend")
    client.get("/staff/partners/new/")
    found = written.access
    assert (found["status"], found["caller"]) == (403, f"staff:{ann.pk}")


@pytest.mark.parametrize(
    ("path", "status"), [("/none", 404), ("/v1/webhooks", 401), ("/staff/", 302)]
)
@pytest.mark.django_db
def test_what_is_refused_is_one_record_without_a_caller(client, written, path, status):
    assert client.get(path).status_code == status
    assert written.access["status"] == status
    assert "caller" not in written.access
    assert len(written.json) == 1


def test_a_path_of_two_lines_is_logged_on_one(client, written):
    client.get("/none%0A2026-11-28%20INFO%20portal%20forged%1B[2J%E2%80%AEtxt")
    [line] = written.text
    assert "forged" in line
    assert line.isprintable()


def test_a_host_that_is_not_served_is_one_line_with_the_reason(client, written):
    client.get("/", headers={"Host": "stranger.example"})
    refused, _ = written.json
    assert "Invalid HTTP_HOST header: 'stranger.example'" in refused["message"]
    assert "exception" not in refused


def test_a_long_path_is_cut(client, written):
    client.get("/" + "x" * 5000)
    assert len(written.access["path"]) == 500
    assert len(written.text[0]) < 800


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.django_db
def test_what_monitoring_asks_is_for_debugging(client, written, path):
    client.get(path)
    assert not written.of("webhooks.access")
    logging.getLogger("webhooks.access").setLevel(logging.DEBUG)
    try:
        client.get(path)
    finally:
        logging.getLogger("webhooks.access").setLevel(logging.NOTSET)
    assert written.access["level"] == "DEBUG"


# --- The id ---------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_is_logged_meanwhile_has_the_id_and_what_is_logged_after_has_not(
    client, written, monkeypatch
):
    _, text = factories.key(factories.partner())
    client.raise_request_exception = False

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a detail")

    monkeypatch.setattr("webhooks.rest.throttling.spend", fail)
    answer = client.get(HOOKS, headers={"x-api-key": text})
    assert answer.status_code == 500
    assert [each["logger"] for each in written.json] == [
        "webhooks.rest.view",
        "webhooks.access",
    ]
    assert {each["request_id"] for each in written.json} == {answer["X-Request-Id"]}
    assert written.json[0]["exception"].endswith("RuntimeError: a detail")
    logging.getLogger("webhooks").warning("afterwards")
    assert "request_id" not in written.json[-1]


def test_the_ids_of_threads_are_their_own(written):
    start = threading.Barrier(4)

    def answer(id: str) -> None:
        with logs.Answering(logs.CurrentRequest(id)):
            start.wait(PATIENCE)
            logs.name_caller(f"key:{id}")
            start.wait(PATIENCE)
            logging.getLogger("webhooks").warning("%s", id)

    threads = [threading.Thread(target=answer, args=[f"id-{n}"]) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(written.json) == 4
    for found in written.json:
        assert found["message"] == found["request_id"]
        assert found["caller"] == f"key:{found['request_id']}"


def test_every_answer_has_an_id_of_its_own(client):
    answers = [
        client.get(path, headers=headers)
        for path in ("/", "/healthz", "/none", "/v1/none")
        for headers in ({}, {"Host": "stranger.example"})
    ]
    ids = {each["X-Request-Id"] for each in answers}
    assert len(ids) == len(answers)
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


@pytest.mark.parametrize(
    ("given", "is_taken"),
    [
        (UUID, True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("short", False),
        ("two words are none", False),
        ("-begins-with-a-dash", False),
        ("forged\r\nSet-Cookie: a=b", False),
        ("\u202eabcdefghijk", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("proxies", [0, 1])
def test_the_id_of_a_proxy_is_taken_and_of_nobody_else(
    client, settings, given, is_taken, proxies
):
    settings.TRUSTED_PROXIES = proxies
    answer = client.get("/healthz", HTTP_X_REQUEST_ID=given)
    assert (answer["X-Request-Id"] == given) == bool(is_taken and proxies)


def test_the_settings_choose_the_form():
    assert settings.LOGGING["formatters"] == {"line": {"()": FORMATTERS["text"]}}
