"""Schemathesis sends what each document allows, and what it forbids, to a portal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.openapi.calls import FOLDER, SLUGS, Caller, document

# The combined document is left out: its operations are those of the others.
pytestmark = [
    pytest.mark.once,
    pytest.mark.timeout(600),
    pytest.mark.parametrize("slug", SLUGS),
]

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
EXCEPTIONS = Path(__file__).with_name("exceptions")


def test_it_finds_nothing(slug, served, fuzzing_caller, tmp_path):
    configuration = tmp_path / "schemathesis.toml"
    parts = [CONFIGURATION.read_text(), keys(slug, fuzzing_caller)]
    if (exceptions := EXCEPTIONS / f"{slug}.toml").exists():
        parts.append(exceptions.read_text())
    configuration.write_text("\n\n".join(parts))

    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", configuration),
            *("run", FOLDER / f"{slug}.yaml", "--url", served.url),
        ],
        cwd=tmp_path,
        env={
            # Coverage of its process would be of none of our code.
            **{n: v for n, v in os.environ.items() if not n.startswith("COVERAGE_")},
            "PYTHONPATH": str(settings.BASE_DIR),
            "CALLING_KEY": fuzzing_caller.key_id,
        },
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    tested = len([op for path in document(slug)["paths"].values() for op in path])
    assert f"Tested: {tested}\n" in done.stdout


def keys(slug: str, caller: Caller) -> str:
    """The key for each of the document's security schemes, as configuration."""
    lines = ["[auth.openapi]"]
    for name, scheme in document(slug)["components"]["securitySchemes"].items():
        kind = "api_key" if scheme["type"] == "apiKey" else "bearer"
        key = caller.publisher_key if name == "PublisherKey" else caller.partner_key
        lines.append(f"{name} = {{ {kind} = {json.dumps(key)} }}")
    return "\n".join(lines)
