"""`python -m benchmarks [NAME …]`: every benchmark, or those that are named."""

import importlib
import os
import platform
import sys
from pathlib import Path

BENCHMARKS = ("deliveries", "dialect_get")


def main(names: list[str]) -> None:
    print(_machine(), end="\n\n")
    print(f"{'ratio':>6} {'target':>7}  {'':7}what")
    for name in names or BENCHMARKS:
        for result in importlib.import_module(f"benchmarks.{name}").run():
            verdict = "met" if result.is_met else "missed"
            print(
                f"{result.measured:>6.2f} {'≥ ' + format(result.target, '.2f'):>7}"
                f"  {verdict:<7}{result.what}: {result.detail}",
                flush=True,
            )


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((s.partition(":")[2] for s in lines if s.startswith("model name")), "")
    return (
        f"{os.cpu_count()} x {model.strip() or platform.processor()}, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
