#!/bin/sh
# Every test: on SQLite with coverage, in a browser, then on PostgreSQL where one is
# reachable, and the quick ones with another Python where one is found.
# `sh tests/run.sh tests/rest -k key` runs a part of them, without the report.
# With CI=true a missing database is a failure, and so is a skip (see tests/skips.py);
# elsewhere what is missing is named and left out.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python
postgres=${TEST_DATABASE_URL:-postgres://postgres@127.0.0.1:5432/postgres}
unset TEST_DATABASE_URL DATABASE_URL
# Without it every one of the many processes would compile all of the tests anew.
unset PYTHONDONTWRITEBYTECODE
times=$(mktemp)
left_out=

# At the end, also of a run that fails: what ran, and how long it took.
report() {
  status=$?
  echo "== Times"
  total=0
  while IFS='|' read -r seconds name; do
    printf '%3d:%02d  %s\n' $((seconds / 60)) $((seconds % 60)) "$name"
    total=$((total + seconds))
  done <"$times"
  printf '%3d:%02d  in all\n' $((total / 60)) $((total % 60))
  [ -z "$left_out" ] || printf 'Not run:\n%b' "$left_out"
  rm -f "$times"
  exit "$status"
}
trap report EXIT

# part NAME COMMAND…: says what runs, and keeps how long it took.
part() {
  name=$1
  shift
  echo "== $name"
  began=$(date +%s)
  ended=0
  "$@" || ended=$?
  [ "$ended" -ne 5 ] || ended=0 # pytest: none of the chosen tests is such
  echo "$(($(date +%s) - began))|$name" >>"$times"
  return "$ended"
}

on_all_cores() {
  "$python" -m pytest -n auto --dist worksteal "$@"
}

# alone MARKERS [PART…]: the few files with such tests; to collect all takes as long as they.
alone() {
  markers=$1
  shift
  [ $# -gt 0 ] || set -- $(grep -rl --include='test_*.py' 'mark\.alone' tests)
  "$python" -m pytest -m "$markers" "$@"
}

reachable() {
  "$python" - "$postgres" <<'PYTHON'
import sys
import psycopg
try:
    psycopg.connect(sys.argv[1], connect_timeout=3).close()
except psycopg.Error as error:
    sys.exit(f"{error}".strip())
PYTHON
}

# The newest Python beside ours that pyproject.toml names, on the path or of pyenv.
other_python() {
  ours=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  for version in 3.13 3.12 3.11; do
    [ "$version" != "$ours" ] || continue
    for found in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
      if "$found" -c '' 2>/dev/null; then
        echo "$version $found"
        return
      fi
    done
  done
  return 1
}

# The rooms that are quick and lean most on the standard library.
with_other_python() {
  folder=build/py$1
  if ! [ "$folder/.installed" -nt requirements.lock ]; then
    .venv/bin/uv venv --quiet --clear --python "$2" "$folder" && .venv/bin/uv pip install --quiet --no-deps \
      --require-hashes --python "$folder/bin/python" -r requirements.lock &&
      touch "$folder/.installed" || return 1
  fi
  (
    python=$folder/bin/python
    on_all_cores -m "not alone" tests/models tests/operations tests/rest tests/dialects \
      tests/delivery/test_client*.py tests/delivery/test_egress.py \
      tests/delivery/test_schedule.py tests/delivery/test_signing.py
  )
}

if reason=$(reachable 2>&1); then
  on_postgresql=true
  export TEST_HALF_EXAMPLES=true
elif [ "${CI:-}" = true ]; then
  echo "PostgreSQL is not reachable: $reason" >&2
  exit 1
else
  on_postgresql=false
  left_out="PostgreSQL (not reachable: $reason). TEST_DATABASE_URL names a server.\n"
fi

command -v npm >/dev/null ||
  left_out="$left_out""the OpenAPI linter and the TypeScript client (npm is missing).\n"

# Coverage doubles the time of a pass, so one pass measures it: PostgreSQL's own lines are
# not in the report. Whether enough is covered is asked once, at the end.
"$python" -m coverage erase
part "SQLite, with coverage" on_all_cores -m "not alone and not browser" \
  --cov --cov-report= --cov-fail-under=0 "$@"
part "SQLite, one test at a time" alone alone "$@"
part "SQLite, in a browser" on_all_cores --dist loadfile -m browser "${@:-tests/browser}"

if [ "$on_postgresql" = true ]; then
  export TEST_DATABASE_URL=$postgres
  part "PostgreSQL" on_all_cores -m "not once and not alone" "$@"
  part "PostgreSQL, one test at a time" alone "alone and not once" "$@"
  unset TEST_DATABASE_URL
fi

if [ $# -eq 0 ]; then
  if other=$(other_python); then
    part "Python ${other%% *} on SQLite, the quick rooms" \
      with_other_python "${other%% *}" "${other#* }"
  else
    left_out="$left_out""another Python (none of 3.11 to 3.13 was found).\n"
  fi
  "$python" -m coverage report
fi
