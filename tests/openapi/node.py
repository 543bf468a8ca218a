"""Node.js programs that judge the documents, at the versions of package-lock.json."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

HERE = Path(__file__).parent
INSTALLED = settings.BASE_DIR / "build" / "node"
MODULES = INSTALLED / "node_modules"


def install() -> None:
    """Install them unless they are; skips the test without npm."""
    if shutil.which("npm") is None:
        pytest.skip("npm is missing")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # each process of the suite comes by
        wanted = (HERE / "package-lock.json").read_text()
        installed = INSTALLED / "installed"
        if not installed.exists() or installed.read_text() != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, INSTALLED)
            run("npm", "ci", "--ignore-scripts", folder=INSTALLED)
            installed.write_text(wanted)


def run(program: str, *arguments: str | Path, folder: Path) -> str:
    """What one of them prints; fails with it where it fails."""
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    path = f"{MODULES / '.bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        env={**os.environ, **quiet, "PATH": path},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
