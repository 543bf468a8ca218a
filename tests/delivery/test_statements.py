"""The .sql files of the queue, as they are sent."""

import re

import pytest
from psycopg import _queries

from webhooks.delivery.outbox import loading, postgresql, sqlite, statements

POSTGRESQL = (
    postgresql.CLAIMING | postgresql.SETTLING | postgresql.WAKING | loading.POSTGRESQL
)
SQLITE = sqlite.CLAIMING | sqlite.SETTLING | sqlite.WAKING | loading.SQLITE


@pytest.mark.parametrize("name", POSTGRESQL)
def test_psycopg_keeps_it_parsed(name):
    """A longer one is taken apart anew at every execution."""
    assert len(POSTGRESQL[name]) <= _queries.MAX_CACHED_STATEMENT_LENGTH


@pytest.mark.parametrize("statement", [*POSTGRESQL.values(), *SQLITE.values()])
def test_it_is_sent_without_comments_and_with_every_word_replaced(statement):
    assert not re.search(r"--|\$\w|\n|  ", statement)


def test_a_statement_may_use_those_before_it_in_its_file(tmp_path):
    file = tmp_path / "any.sql"
    file.write_text(
        "-- About the file.\n\n"
        "-- name: moment\n--\n-- A part of others.\nnow()\n\n"
        "-- name: look\nSELECT $moment,  -- why so\n       $lane_fresh, $own\n"
    )

    assert statements.read(file, own=7) == {
        "moment": "now()",
        "look": "SELECT now(), 0, 7",
    }


def test_a_word_that_stands_for_nothing_is_refused(tmp_path):
    file = tmp_path / "any.sql"
    file.write_text("-- name: look\nSELECT $moment\n")

    with pytest.raises(KeyError, match="moment"):
        statements.read(file)
