"""The typed place of the settings, the forms of their values, and the file `.env`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal import database, dotenv, first_start, passwords, private_files, values
from portal.environment import REQUIRED, Environment, Wrong
from tests.environment import SETTINGS
from tests.waiting import PATIENCE

pytestmark = pytest.mark.once


def faults(text: str | None, read) -> list[str]:
    env = Environment({} if text is None else {"IT": text})
    read(env)
    return env.faults


class TestTyped:
    @pytest.mark.parametrize(
        ("text", "read", "value"),
        [
            (" a b ", lambda env: env.str("IT", default=""), "a b"),
            ("$abc", lambda env: env.str("IT", default=""), "$abc"),
            (" true\n", lambda env: env.bool("IT", default=False), True),
            ("No", lambda env: env.bool("IT", default=True), False),
            (" 7 ", lambda env: env.int("IT", default=1), 7),
            ("-3", lambda env: env.int("IT", default=1, at_least=-5), -3),
            ("debug", lambda env: env.choice("IT", ("DEBUG",), default=""), "DEBUG"),
            (" a , b,, ", lambda env: env.list("IT", default=[]), ["a", "b"]),
            ("", lambda env: env.list("IT", default=["a"]), []),
            (None, lambda env: env.list("IT", default=["a"]), ["a"]),
            (None, lambda env: env.int("IT", default=5), 5),
            ("", lambda env: env.str("IT", default="a"), ""),
        ],
    )
    def test_it_reads_a_value_without_the_spaces_around_it(self, text, read, value):
        env = Environment({} if text is None else {"IT": text})
        assert read(env) == value
        assert (env.names, env.faults) == (["IT"], [])

    @pytest.mark.parametrize(
        "text", ["", "-1", "1.5", "1_0", "٣", "a", "9" * 30, "0x1", "2147483648"]
    )
    def test_it_refuses_another_number(self, text):
        (line,) = faults(text, lambda env: env.int("IT", default=1))
        assert line.startswith("IT is ")
        assert line.endswith(": it must be a whole number, 0 or more.")

    def test_it_names_both_ends_of_a_range(self):
        (line,) = faults("9", lambda env: env.int("IT", default=1, at_most=8))
        assert (
            line == "IT is wrong: it must be a whole number, 0 or more and 8 at most."
        )

    @pytest.mark.parametrize("text", ["", "ture", "2", "enabled"])
    def test_it_refuses_what_is_neither_true_nor_false(self, text):
        (line,) = faults(text, lambda env: env.bool("IT", default=True))
        assert line.endswith(": it must be true or false.")

    @pytest.mark.parametrize(
        ("text", "how"), [(None, "is not set"), ("", "is empty"), (" ", "is empty")]
    )
    def test_it_tells_a_setting_that_is_missing_from_an_empty_one(self, text, how):
        (line,) = faults(
            text, lambda env: env.list("IT", values.hosts, default=REQUIRED)
        )
        assert line.startswith(f"IT {how}: it must be host names")

    def test_a_text_may_be_short_or_absent_but_not_too_short(self):
        def read(env):
            env.str("IT", default="", at_least=16, may_be_empty=True)

        assert faults("", read) == faults("x" * 16, read) == []
        assert faults("x", read) == ["IT is wrong: it must have 16 characters or more."]

    def test_everything_that_is_wrong_is_raised_at_once(self):
        env = Environment({"ONE": "x", "TWO": "y"})
        env.int("ONE", default=1)
        env.bool("TWO", default=True)
        with pytest.raises(Wrong) as caught:
            env.stop_if_wrong(is_production=True)
        assert [line[:10] for line in str(caught.value).splitlines()] == [
            "The portal",
            "  ONE is w",
            "  TWO is w",
            "Without DE",
        ]


SECRET = "c29tZS1zZWNyZXQtdGhhdC1ub2JvZHktbWF5LXNlZSE="


class TestForms:
    @pytest.mark.parametrize(
        ("parse", "text"),
        [
            (values.secret_key, "short"),
            (values.secret_key, "a" * 60),
            (values.secret_key, "django-insecure-" + "abcdefgh" * 9),
            (values.outside_url, "portal.example.com"),
            (values.outside_url, "https://a b"),
            (values.outside_url, "https://portal.example.com?x"),
            (values.outside_url, "ftp://portal.example.com"),
            (values.mail_address, "nobody"),
            (values.mail_address, "a@b>"),
            (values.email, ""),
            (values.email, "smtp.example.com"),
            (values.email, "mail://h"),
            (values.email, "smtp+tls://"),
            (values.email, "smtp+tls://u:p@h:port"),
            (values.email, "smtp://h?tls=true"),
            (values.cache, "locmemcache://?timeout="),
            (values.cache, ""),
            (values.cache, "redis"),
            (values.cache, "memory://"),
            (values.broker, "localhost:6379"),
            (values.broker, "redis://a b"),
            (values.backend, "kafka"),
            (values.backend, ""),
            (database.parse, ""),
            (database.parse, "portal"),
            (database.parse, "mysql://h/n"),
            (database.parse, "postgres://u:p@h/"),
            (database.parse, "postgres://u:p@h:port/n"),
            (database.parse, "postgres://u:p@h/n#1"),
            (database.parse, "sqlite://portal.sqlite3"),
            (database.parse, "sqlite://"),
            (database.parse, "sqlite:///"),
            (database.parse, "sqlite:///x?y"),
            (database.parse, "sqlite:///x?timeout=5"),
            (database.parse, "postgres://u:p@h/n?sslmode"),
            (database.parse, "postgres://u:p@h/n?sslmode="),
            (database.parse, "postgres://u:p@h/n?sslmod=require"),
            (database.parse, "postgres://u:p@h/n?sslmode=require&sslmode=disable"),
            (database.parse, "postgres://u:p@h/n?host=other"),
            (database.parse, "postgres://u:p@h/n?conn_max_age=x"),
            (database.parse, "postgres://u:p@h/n?autocommit=false"),
        ],
    )
    def test_it_refuses_a_value_of_another_form(self, parse, text):
        with pytest.raises(ValueError, match=r"\A(it|PostgreSQL) ") as caught:
            parse(text)
        assert "p@h:port" not in str(caught.value)

    @pytest.mark.parametrize(
        ("parse", "words"),
        [
            (values.encryption_keys, []),
            (values.encryption_keys, [f"a:{SECRET}", "b"]),
            (values.encryption_keys, [f"a:{SECRET}", f"b:{SECRET[:-4]}"]),
            (values.encryption_keys, [f"a:{SECRET}", f"b:{SECRET[:-1]}!"]),
            (values.encryption_keys, [f"a:{SECRET}", f"a:{SECRET}"]),
            (values.encryption_keys, [SECRET]),
            (values.encryption_keys, [f":{SECRET}"]),
            (values.encryption_keys, [f"a b:{SECRET}"]),
            (values.peppers, []),
            (values.peppers, [SECRET]),
            (values.peppers, [f"one:{SECRET}"]),
            (values.peppers, [f"99999:{SECRET}"]),
            (values.peppers, [f"٣:{SECRET}"]),
            (values.peppers, ["1:"]),
            (values.peppers, [f"1:{SECRET}", f"01:{SECRET}"]),
            (values.hosts, []),
            (values.hosts, ["https://portal.example.com"]),
            (values.hosts, ["portal.example.com:443"]),
            (values.origins, ["portal.example.com"]),
            (values.origins, ["https://portal.example.com/"]),
            (values.egress_allow, ["10.0.0.1/8"]),
            (values.egress_allow, ["10.0.0.0/99"]),
            (values.egress_allow, ["169.254.169.254"]),
            (values.own_addresses, ["portal.example.com"]),
        ],
    )
    def test_it_refuses_a_list_of_another_form(self, parse, words):
        with pytest.raises(ValueError) as caught:
            parse(words)
        assert SECRET[:8] not in str(caught.value)

    def test_keys_and_peppers_keep_their_order_and_lose_their_spaces(self):
        keys = values.encryption_keys([f"k2: {SECRET}", f"k1 :{SECRET}"])
        assert list(keys) == ["k2", "k1"]
        assert list(values.peppers(["2: a", "1:b:c"]).items()) == [
            (2, b"a"),
            (1, b"b:c"),
        ]

    @pytest.mark.parametrize(
        ("parse", "text"),
        [
            (values.hosts, ["portal.example.com", ".example.com", "[::1]", "*"]),
            (values.origins, ["https://*.example.com:8443", "http://[::1]"]),
            (values.egress_allow, ["10.0.0.0/8", "receiver.internal", "::1/128"]),
            (values.own_addresses, ["203.0.113.7"]),
            (values.outside_url, "https://portal.example.com:8443/webhooks"),
            (values.outside_url, ""),
            (values.mail_address, "Webhooks <webhooks@example.com>"),
            (values.broker, "amqp://u:p@h:5672/vhost"),
            (values.broker, ""),
        ],
    )
    def test_it_takes_what_is_of_its_form(self, parse, text):
        assert parse(text) == text

    def test_mail_goes_through_the_server_of_its_url(self):
        found = values.email("smtp+tls://user:p%40ss@mail.example.com:587")
        assert found["EMAIL_HOST_PASSWORD"] == "p@ss"
        assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"]) == (587, True)

    def test_a_database_takes_options_of_postgresql(self):
        url = "postgres://h/n?sslmode=verify-full&sslrootcert=/x.pem&CONN_MAX_AGE=0"
        found = database.parse(url)
        assert found["CONN_MAX_AGE"] == 0
        assert found["OPTIONS"]["sslmode"] == "verify-full"
        assert found["OPTIONS"]["sslrootcert"] == "/x.pem"

    def test_a_file_keeps_every_character_of_its_path(self):
        for path in ("/x #1/p", "/what+x/p", "/a@b/p"):
            assert database.parse(f"sqlite:///{path}")["NAME"] == path
            assert database.file(path)["NAME"] == path
        assert database.file("/p%20q/what?/p")["NAME"] == "/p%20q/what?/p"
        assert database.parse("sqlite:////what%3Fx/p")["NAME"] == "/what?x/p"


PASSWORDS = [
    "plain",
    "a?b",
    "a/b",
    "a#b",
    "a@b",
    "a:b",
    "?/#@:",
    "100%",
    "$x",
    "a+b",
    "é",
]


@pytest.mark.parametrize("password", PASSWORDS)
class TestPasswords:
    def test_a_database_takes_it_as_it_is(self, password):
        url = f"postgres://portal:{password}@db.internal:5432/name?sslmode=require"
        found = database.parse(url)
        assert found["PASSWORD"] == password
        assert (found["HOST"], found["PORT"]) == ("db.internal", 5432)
        assert (found["NAME"], found["OPTIONS"]["sslmode"]) == ("name", "require")

    def test_a_mail_server_takes_it_as_it_is(self, password):
        found = values.email(f"smtp+tls://u:{password}@mail.example.com:587")
        assert (found["EMAIL_HOST_PASSWORD"], found["EMAIL_HOST"]) == (
            password,
            "mail.example.com",
        )

    def test_a_cache_and_a_broker_take_it_as_it_is(self, password):
        for parse in (values.broker, lambda url: values.cache(url)["LOCATION"]):
            url = parse(f"redis://u:{password}@cache.internal:6379/0")
            assert url.endswith("@cache.internal:6379/0")
            assert not {*"?#"} & {*url}


@pytest.mark.parametrize(
    "url", ["postgres://u:12?3@h/n", "postgres://h:5432/n?options=a@b", "redis://u?@h"]
)
def test_where_it_cannot_be_told_which_part_is_the_password_it_says_so(url):
    with pytest.raises(ValueError, match="percent-encoded") as caught:
        passwords.with_quoted_password(url)
    assert url not in str(caught.value)


class TestFile:
    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ("A=b", "b"),
            ("  A = b  ", "b"),
            ("export A=b", "b"),
            ("A='b # c'", "b # c"),
            ("A='$b'", "$b"),
            ('A="b \\" c"', 'b " c'),
            ('A="b\\nc"', "b\nc"),
            ("A=b#c", "b#c"),
            ("A=b=c", "b=c"),
            ("A=", ""),
            ("A=\r", ""),
            ("A=$b'c", "$b'c"),
        ],
    )
    def test_it_takes_a_line_as_shells_and_compose_do(self, line, value, tmp_path):
        (tmp_path / ".env").write_text(f"# a comment\n\n{line}\n", encoding="utf-8")
        found = dotenv.read(tmp_path / ".env", is_required=False)
        assert found.faults == []
        assert {name: each.value for name, each in found.lines.items()} == {"A": value}

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("A=b\nwhk-s3cret", ".env line 2: it must be NAME=value."),
            ("A=b\ns3cret+/==", ".env line 2: it must be NAME=value."),
            ("A B=s3cret", ".env line 1: it must be NAME=value."),
            (
                "A='s3cret",
                ".env line 1: A is wrong: its quotes must end where the line ends.",
            ),
            (
                "A='s3cret' # old",
                ".env line 1: A is wrong: its quotes must end where the line ends.",
            ),
            (
                "A=s3cret # old",
                ".env line 1: A is wrong: it must be in quotes if it has ' #' in it.",
            ),
            (
                "A=s3\u200bcret",
                ".env line 1: A is wrong: it must have no invisible characters.",
            ),
            (
                "A=s3\0cret",
                ".env line 1: A is wrong: it must have no invisible characters.",
            ),
            ("A=s3cret\nB=1\nA=2", ".env line 3: A stands in .env line 1, too."),
        ],
    )
    def test_a_line_that_is_not_understood_is_a_fault_without_its_value(
        self, text, fault, tmp_path
    ):
        (tmp_path / ".env").write_text(text, encoding="utf-8")
        assert dotenv.read(tmp_path / ".env", is_required=False).faults == [fault]

    def test_a_byte_order_mark_is_no_part_of_the_first_name(self, tmp_path):
        (tmp_path / ".env").write_text("A=b\n", encoding="utf-8-sig")
        found = dotenv.read(tmp_path / ".env", is_required=False)
        assert ([*found.lines], found.faults) == (["A"], [])

    def test_it_must_be_text(self, tmp_path):
        (tmp_path / ".env").write_text("DEBUG=false\n", encoding="utf-16")
        (fault,) = dotenv.read(tmp_path / ".env", is_required=False).faults
        assert fault == ".env line 1: it is not UTF-8 text."

    def test_one_that_cannot_be_read_is_a_fault(self, tmp_path):
        (tmp_path / ".env").mkdir()
        (fault,) = dotenv.read(tmp_path / ".env", is_required=False).faults
        assert fault == f"{tmp_path / '.env'} cannot be read: Is a directory."

    def test_only_a_file_that_is_named_must_be_there(self, tmp_path):
        assert dotenv.read(tmp_path / "a", is_required=False).faults == []
        assert dotenv.read(tmp_path / "a", is_required=True).faults != []


def test_a_name_that_is_nearly_a_setting_is_warned_of(tmp_path, monkeypatch):
    (tmp_path / ".env").touch(mode=0o640)
    (tmp_path / ".env").write_text("debug=true\nWEBHOOK_EGRESS=1\nPGSSLMODE=require\n")
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.delitem(os.environ, "ENV_FILE")
    env = Environment.of_process(tmp_path)
    env.bool("DEBUG", default=False)
    env.list("WEBHOOKS_EGRESS", default=[])
    assert env.warnings == [
        ".env line 1: debug is no setting. Is it DEBUG?",
        ".env line 2: WEBHOOK_EGRESS is no setting. Is it WEBHOOKS_EGRESS?",
    ]
    assert os.environ["PGSSLMODE"] == "require"


def test_a_file_that_everybody_may_read_is_warned_of(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    (tmp_path / ".env").write_text("A=b")
    (tmp_path / ".env").chmod(0o644)
    assert Environment.of_process(tmp_path).warnings == [
        f"{tmp_path / '.env'}: everybody may read it, and it has secrets."
    ]


class TestPrivateFiles:
    def modes(self, folder: Path) -> set[int]:
        return {path.stat().st_mode & 0o777 for path in folder.iterdir()}

    def test_an_sqlite_database_is_its_owners_from_the_beginning(self, tmp_path):
        path = f"{tmp_path}/p.sqlite3"
        connection = private_files.PrivateConnection(path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (x)")
        assert len([*tmp_path.iterdir()]) == 3
        assert self.modes(tmp_path) == {0o600}
        for each in tmp_path.iterdir():
            each.chmod(0o664)
        private_files.PrivateConnection(path).close()
        assert self.modes(tmp_path) == {0o600}
        connection.close()

    def test_the_folder_of_the_default_database_too(self, tmp_path, monkeypatch):
        monkeypatch.setattr(private_files, "VAR", tmp_path)
        tmp_path.chmod(0o755)
        private_files.PrivateConnection(f"{tmp_path}/p.sqlite3").close()
        assert tmp_path.stat().st_mode & 0o777 == 0o700


class TestFirstStart:
    @pytest.fixture(autouse=True)
    def fresh(self, tmp_path, monkeypatch):
        kept = {k: v for k, v in os.environ.items() if k not in SETTINGS}
        kept.pop("DATABASE_URL", None)
        monkeypatch.setattr(os, "environ", kept)

    def lines(self, folder: Path) -> dict[str, str]:
        found = dotenv.read(folder / ".env", is_required=True)
        assert found.faults == []
        return {name: line.value for name, line in found.lines.items()}

    def test_up_writes_a_private_file_with_secrets_of_its_own(self, tmp_path, capsys):
        first_start.prepare(["manage.py", "up"], tmp_path)
        (tmp_path / "other").mkdir()
        first_start.prepare(["manage.py", "up"], tmp_path / "other")

        assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
        mine, others = self.lines(tmp_path), self.lines(tmp_path / "other")
        assert mine.pop("DEBUG") == others.pop("DEBUG") == "true"
        assert {*mine} == {"SECRET_KEY", "ENCRYPTION_KEYS", "KEY_PEPPERS"}
        assert all(mine[name] != others[name] for name in mine)
        values.secret_key(mine["SECRET_KEY"])
        values.encryption_keys([mine["ENCRYPTION_KEYS"]])
        values.peppers([mine["KEY_PEPPERS"]])
        told = capsys.readouterr().err
        assert str(tmp_path / ".env") in told
        assert not [value for value in mine.values() if value in told]

    def test_a_second_start_changes_nothing(self, tmp_path):
        first_start.prepare(["manage.py", "up"], tmp_path)
        before = (tmp_path / ".env").read_text()
        first_start.prepare(["manage.py", "up"], tmp_path)
        assert (tmp_path / ".env").read_text() == before

    @pytest.mark.parametrize("command", ["serve", "migrate", "check", "deliver"])
    def test_no_other_command_begins_development(self, command, tmp_path):
        first_start.prepare(["manage.py", command], tmp_path)
        assert not (tmp_path / ".env").exists()

    def test_where_debug_is_true_any_command_makes_what_is_missing(self, tmp_path):
        os.environ["DEBUG"] = " True"
        (tmp_path / ".env").write_text("KEY_PEPPERS=5:mine")
        first_start.prepare(["manage.py", "migrate"], tmp_path)
        found = self.lines(tmp_path)
        assert {*found} == {"SECRET_KEY", "ENCRYPTION_KEYS", "KEY_PEPPERS"}
        assert found["KEY_PEPPERS"] == "5:mine"

    @pytest.mark.parametrize("text", ["DEBUG=false", "DEBUG=ture", "nonsense", ""])
    def test_up_leaves_a_file_alone_that_does_not_say_development(self, text, tmp_path):
        (tmp_path / ".env").write_text(text)
        first_start.prepare(["manage.py", "up"], tmp_path)
        assert (tmp_path / ".env").read_text() == text

    def test_an_older_database_goes_on_with_what_it_was_made_with(self, tmp_path):
        (tmp_path / "var").mkdir()
        (tmp_path / "var" / "portal.sqlite3").touch()
        first_start.prepare(["manage.py", "up"], tmp_path)
        found = self.lines(tmp_path)
        keys = values.encryption_keys(found["ENCRYPTION_KEYS"].split(","))
        peppers = values.peppers(found["KEY_PEPPERS"].split(","))
        assert [*keys][1:] == ["dev"]
        assert [*peppers][1:] == [1]
        published = first_start.PUBLISHED
        assert [*keys.values()][1] == published["ENCRYPTION_KEYS"]
        assert [*peppers.values()][1] == published["KEY_PEPPERS"]

    def test_an_unwritable_place_is_one_line(self, tmp_path):
        os.environ["ENV_FILE"] = "missing/.env"
        with pytest.raises(SystemExit) as caught:
            first_start.prepare(["manage.py", "up"], tmp_path)
        assert str(caught.value) == (
            f"{tmp_path / 'missing/.env'} cannot be written: No such file or directory."
        )

    def test_commands_that_start_together_write_one_file(self, tmp_path):
        code = (
            "import pathlib, sys; from portal import first_start;"
            "first_start.prepare(['manage.py', 'serve'], pathlib.Path(sys.argv[1]))"
        )
        started = [
            subprocess.Popen(
                [sys.executable, "-c", code, tmp_path],
                env={**os.environ, "DEBUG": "true"},
                cwd=Path(__file__).parent.parent,
            )
            for _ in range(4)
        ]
        assert [process.wait(PATIENCE) for process in started] == [0] * 4
        assert len(self.lines(tmp_path)) == 3

    def test_what_reads_no_data_is_lent_secrets_and_writes_nothing(self, tmp_path):
        first_start.prepare(["manage.py", "collectstatic"], tmp_path)
        assert not (tmp_path / ".env").exists()
        assert {"SECRET_KEY", "DATABASE_URL"} <= {*os.environ}
