"""The cores that this process may use: not always all those of its machine."""

import math
import os
from pathlib import Path

# Where Linux tells a container's share of the processors.
ROOT = Path("/")


def usable(root: Path = ROOT) -> int:
    """At least 1. A share such as that of 1.5 cores counts as 2."""
    if hasattr(os, "sched_getaffinity"):  # of Linux; `taskset` and cpusets change it
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, math.ceil(min(cores, _quota(root))))


def _quota(root: Path) -> float:
    """The least that this process's control group, or one above it, may use."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return math.inf
    quota = math.inf
    for line in lines:
        _, controllers, path = line.split(":", 2)
        group = Path(path.lstrip("/"))
        # In a container its own group is often mounted as the root, whatever it is called.
        for folder in (group, *group.parents):
            if controllers == "":
                quota = min(quota, _second_version(root / "sys/fs/cgroup" / folder))
            elif "cpu" in controllers.split(","):
                quota = min(quota, _first_version(root / "sys/fs/cgroup/cpu" / folder))
    return quota


def _second_version(folder: Path) -> float:
    try:
        most, period = (folder / "cpu.max").read_text().split()
    except OSError:
        return math.inf
    return math.inf if most == "max" else int(most) / int(period)


def _first_version(folder: Path) -> float:
    try:
        most = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
    except OSError:
        return math.inf
    return math.inf if most < 0 else most / period
