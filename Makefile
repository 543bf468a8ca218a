# Everything a person types. Each target begins with what it needs.
.DEFAULT_GOAL := help
.PHONY: help setup run test check fix lock schema bench cost peers pictures soak abuse

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The first Python that is new enough and can make virtual environments.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PORT ?= 8000
SOAK = $(if $(SEED),--seed $(SEED)) $(if $(EVENTS),--events $(EVENTS))

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## make .venv and install the locked dependencies

$(STAMP): requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with its venv module is needed (Debian: python3-venv)."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked dependencies; a few minutes the first time."
	@# The lock is complete, so there is nothing to resolve.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

run: setup ## web, delivery worker and a sample receiver on http://127.0.0.1:$(PORT)
	@exec $(BIN)/python manage.py up --bind 127.0.0.1:$(PORT)

test: setup ## every test, on SQLite and on PostgreSQL where one is reachable
	@exec sh tests/run.sh

check: setup ## linters, types, import contracts, templates, migrations, OpenAPI
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	git ls-files 'templates/*.html' | xargs $(BIN)/djade --target-version 5.2 --check
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py openapi --check

fix: setup ## format the code and mend what the linters can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	-git ls-files 'templates/*.html' | xargs $(BIN)/djade --target-version 5.2

schema: setup ## write docs/openapi from the views
	$(BIN)/python manage.py openapi

lock: setup ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet -o requirements.lock

peers: setup ## install what `make bench` compares with, beside our own
	@test -x build/peers/bin/python || $(PYTHON) -m venv build/peers
	@build/peers/bin/python -m pip install --quiet --disable-pip-version-check \
	  django-webhook2==0.11.0 procrastinate==3.10.0 'celery[redis]~=5.7' 'psycopg[binary]~=3.3' aiohttp

bench: setup ## the numbers of docs/benchmarks.md, as ratios measured in one run
	$(BIN)/python -m benchmarks

cost: setup ## count what a delivery and a GET cost; compare with the figures, or commit others (WRITE=1)
	$(BIN)/python -m benchmarks.cost $(if $(WRITE),--write)

pictures: setup ## take docs/images anew, of made-up traffic in a scratch database
	$(BIN)/python -m tests.pictures

soak: setup ## kill, freeze and cut off everything while events are delivered (SEED= EVENTS=)
	$(BIN)/python -m tests.soak --database sqlite $(SOAK)
	$(BIN)/python -m tests.soak --database postgresql $(SOAK)
	$(BIN)/python -m tests.soak --database postgresql --processes 2 $(SOAK)
	$(BIN)/python -m tests.soak --database postgresql --backend celery $(SOAK)

abuse: setup ## do everything that docs/limits.md bounds at once, while healthy traffic is measured
	$(BIN)/python -m tests.abuse --database sqlite
	$(BIN)/python -m tests.abuse --database postgresql
