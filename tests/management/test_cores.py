import os

import pytest

from webhooks.management import cores

pytestmark = pytest.mark.once


@pytest.fixture
def eight(monkeypatch):
    """Cores that this process may run on."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def written(root, **files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("quota", "count"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("10000 100000", 1),
        ("1600000 100000", 8),
    ],
)
def test_it_is_the_share_of_the_control_group(quota, count, eight, tmp_path):
    group = "sys/fs/cgroup/pod/container"
    written(
        tmp_path,
        **{"proc/self/cgroup": "0::/pod/container\n", f"{group}/cpu.max": f"{quota}\n"},
    )
    assert cores.usable(tmp_path) == count


def test_it_is_the_share_of_a_group_above(eight, tmp_path):
    written(
        tmp_path,
        **{
            "proc/self/cgroup": "0::/pod/container\n",
            "sys/fs/cgroup/pod/container/cpu.max": "max 100000\n",
            "sys/fs/cgroup/pod/cpu.max": "300000 100000\n",
        },
    )
    assert cores.usable(tmp_path) == 3


@pytest.mark.parametrize(("quota", "count"), [("-1", 8), ("250000", 3)])
def test_it_reads_the_first_version_too(quota, count, eight, tmp_path):
    # As a container sees itself: its group is the root of what is mounted.
    group = "sys/fs/cgroup/cpu"
    written(
        tmp_path,
        **{
            "proc/self/cgroup": "5:memory:/docker/1a\n4:cpu,cpuacct:/docker/1a\n",
            f"{group}/cpu.cfs_quota_us": f"{quota}\n",
            f"{group}/cpu.cfs_period_us": "100000\n",
        },
    )
    assert cores.usable(tmp_path) == count


def test_without_control_groups_it_is_what_the_process_may_run_on(eight, tmp_path):
    assert cores.usable(tmp_path) == 8


def test_without_affinity_it_is_what_the_machine_has(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert cores.usable(tmp_path) == 4
