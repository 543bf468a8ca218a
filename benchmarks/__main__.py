"""`python -m benchmarks [NAME …]`: every benchmark, or those that are named."""

import importlib
import os
import platform
import sys
from pathlib import Path

BENCHMARKS = (
    "deliveries",
    "payloads",
    "account",
    "processes",
    "publish",
    "batches",
    "latency",
    "isolation",
    "claims",
    "dialect_get",
    "console",
    "peers",
    "memory",
)


def main(names: list[str]) -> None:
    print(_machine(), end="\n\n")
    print(f"{'measured':>9} {'target':>11} {'aim':>11}  {'':7}what")
    for name in names or BENCHMARKS:
        for result in importlib.import_module(f"benchmarks.{name}").run():
            print(result, flush=True)


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((s.partition(":")[2] for s in lines if s.startswith("model name")), "")
    return (
        f"{os.cpu_count()} x {model.strip() or platform.processor()}, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
