#!/bin/sh
# Every test: on SQLite, then on PostgreSQL where one is reachable; one coverage report.
# `sh tests/run.sh tests/rest -k key` runs a part of them, without the report.
# With CI=true whatever is missing is a failure; elsewhere it is named and left out.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python
postgres=${TEST_DATABASE_URL:-postgres://postgres@127.0.0.1:5432/postgres}
unset TEST_DATABASE_URL DATABASE_URL
left_out=

reachable() {
  "$python" - "$1" <<'PYTHON'
import sys
import psycopg
try:
    psycopg.connect(sys.argv[1], connect_timeout=3).close()
except psycopg.Error as error:
    sys.exit(f"{error}".strip())
PYTHON
}

# Pytest on every core, then what measures time or drives a browser by itself; whether
# enough is covered is asked once, at the end.
run() {
  "$python" -m pytest -n auto -m "not alone" --cov --cov-append --cov-report= --cov-fail-under=0 "$@"
  # Without coverage, which would be measured too. 5: none of the chosen tests is such.
  "$python" -m pytest -m alone "$@" || [ $? -eq 5 ]
}

"$python" -m coverage erase

echo "== SQLite"
run "$@"

if reason=$(reachable "$postgres" 2>&1); then
  echo "== PostgreSQL"
  TEST_DATABASE_URL=$postgres run "$@"
elif [ "${CI:-}" = true ]; then
  echo "PostgreSQL is not reachable: $reason" >&2
  exit 1
else
  left_out="PostgreSQL (not reachable: $reason)"
fi

if [ $# -eq 0 ]; then
  "$python" -m coverage report
fi
if [ -n "$left_out" ]; then
  echo "Not run: $left_out. TEST_DATABASE_URL names a server."
fi
