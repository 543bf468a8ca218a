"""Counts the parts of the fixed run, and says for which Python the counts hold."""

import json
import platform
import re
import shutil
import sqlite3
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import machine

from . import DELIVERIES
from .figures import Figures

Process = subprocess.Popen[str]
Counts = dict[str, int]
"""Of each part, for one delivery or request."""

LONGEST = 600.0  # seconds; ten is usual


def language() -> str:
    """What the bytecodes of a run depend on, beside our own code."""
    return ".".join(platform.python_version_tuple()[:2])


def build() -> str:
    """What its instructions depend on: Python as it was compiled, and what it is linked to."""
    libc = " ".join(platform.libc_ver())
    return f"{sys.version} / SQLite {sqlite3.sqlite_version} / {ssl.OPENSSL_VERSION} / {libc}"


def foreign_language(committed: Figures) -> str:
    """Why bytecodes of this Python say nothing about the committed ones; or nothing."""
    if language() == committed.language:
        return ""
    return f"they are of Python {committed.language}, and this is {language()}."


def foreign_build(committed: Figures) -> str:
    """The same of instructions."""
    if not shutil.which("valgrind"):
        return "valgrind is missing."
    if build() == committed.build:
        return ""
    return f"they are of {committed.build}, and this is {build()}."


def bytecodes() -> Counts:
    counted = _counted("bytecodes", [], lambda process: None)
    return {part: count // times for part, (times, count) in counted.items()}


def instructions() -> Counts:
    with tempfile.TemporaryDirectory() as folder:
        prefix = f"--vgdb-prefix={folder}/vgdb"
        callgrind = [
            *("setarch", "-R", "valgrind", "--tool=callgrind", "--quiet", prefix),
            *("--instr-atstart=no", "--dump-before=getsid"),
            f"--callgrind-out-file={folder}/out",
        ]

        def begin(process: Process) -> None:
            order = ["--max-invoke-ms=0", "instrumentation", "on"]
            command = ["vgdb", prefix, f"--pid={process.pid}", *order]
            subprocess.run(command, check=True, capture_output=True, timeout=LONGEST)

        counted = _counted("instructions", callgrind, begin)
        # The run marks the beginning of each part, and its end.
        totals = [_total(Path(folder, f"out.{2 * n + 2}")) for n in range(len(counted))]
    return {
        part: total // times
        for (part, (times, _)), total in zip(counted.items(), totals, strict=True)
    }


def _counted(
    kind: str, under: Sequence[str], begin: Callable[[Process], None]
) -> dict[str, tuple[int, int]]:
    """What the fixed run prints, over a new database and to a receiver of its own."""
    with machine.receiver("sink") as url, machine.sqlite() as environment:
        count = str(2 * DELIVERIES)  # as many to fill caches as to count
        filled = machine.python(environment, "-m", "benchmarks.fill", url, "1", count)
        read = machine.python(environment, "-m", "benchmarks.dialect_rows")
        made = {"filled": json.loads(filled), "read": json.loads(read)}
        with subprocess.Popen(
            [*under, sys.executable, "-m", "benchmarks.cost.fixed_run", kind],
            env=_repeatable(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            print(json.dumps(made), file=process.stdin, flush=True)
            assert process.stdout.readline() == "ready\n"
            begin(process)
            printed, _ = process.communicate("\n", timeout=LONGEST)
    return {part: tuple(counted) for part, counted in json.loads(printed).items()}


def _repeatable(environment: machine.Environment) -> dict[str, str]:
    # Whoever measures the coverage of the caller does not trace the run.
    foreign = ("COV_", "COVERAGE_")
    kept = {k: v for k, v in environment.items() if not k.startswith(foreign)}
    return kept | {"PYTHONHASHSEED": "0"}


def _total(dump: Path) -> int:
    found = re.search(r"^totals: (\d+)$", dump.read_text(), re.MULTILINE)
    assert found is not None, dump
    return int(found[1])
