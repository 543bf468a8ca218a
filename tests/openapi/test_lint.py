from pathlib import Path

import pytest

from tests.openapi import node
from tests.openapi.calls import FOLDER

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def installed() -> None:
    node.install()


def lint(*paths: Path) -> None:
    """Every rule of Redocly's recommended set; a warning fails like an error."""
    node.run(
        "redocly",
        "lint",
        "--extends=recommended-strict",
        *paths,
        folder=node.INSTALLED,
    )


def test_the_linter_finds_nothing_in_any_document():
    lint(*FOLDER.glob("*.yaml"))


def test_the_linter_is_asked(tmp_path):
    without_server = tmp_path / "without_server.yaml"
    text = (FOLDER / "capa.yaml").read_text()
    without_server.write_text(text.replace("servers:", "x-servers:"))

    with pytest.raises(AssertionError, match="no-empty-servers"):
        lint(without_server)
