"""What is skipped is told, and is a failure where CI=true."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

TESTS = """
import pytest

@pytest.mark.sqlite("it has one lock")
def test_sqlite(): pass

@pytest.mark.postgresql("it is a server")
def test_postgresql(): pass

@pytest.mark.optional
def test_optional(): pytest.skip("RabbitMQ is missing")

@pytest.mark.skipif(True, reason="npm is missing")
def test_missing(): pass
"""


@pytest.mark.parametrize(("ci", "printed"), [("true", "1 passed, 2 skipped, 1 error"), ("", "1 passed, 3 skipped")])  # fmt: skip
def test_a_skip_is_a_failure_where_ci_is_true(tmp_path, ci, printed):
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = -rs\nmarkers =\n  sqlite:\n  postgresql:\n  optional:\n"
    )
    (tmp_path / "test_any.py").write_text(TESTS)
    plugins = "-p tests.skips -p no:cacheprovider"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins.split(), str(tmp_path)],
        cwd=settings.BASE_DIR,
        env={**os.environ, "CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )

    assert printed in done.stdout
    assert done.returncode == (ci == "true")
    for reason in ("only on ", "RabbitMQ is missing", "npm is missing"):
        assert reason in done.stdout
