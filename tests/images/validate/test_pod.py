"""How many decoders a pod keeps, under either version of cgroups."""

from pathlib import Path

import pytest

from nightjar.settings.validate import ValidateSettings
from nightjar_validate.pod import cpu_limit, decoder_count, memory_limit

GIB = 1 << 30
UNLIMITED = "9223372036854771712"  # of version 1
OLD = "memory/memory.limit_in_bytes"


def write(cgroup: Path, files: dict[str, str]) -> None:
    """The cgroup's files, by path."""
    for name, text in files.items():
        (cgroup / name).parent.mkdir(parents=True, exist_ok=True)
        (cgroup / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        ({"memory.max": ""}, None),
        ({"memory.max": "max\n"}, None),
        ({"memory.max": "rubbish\n"}, None),
        ({"memory.max": "2147483648\n"}, 2 * GIB),
        ({OLD: "2147483648\n"}, 2 * GIB),
        ({OLD: f"{UNLIMITED}\n"}, None),
        ({OLD: ""}, None),
        ({"memory.max": "max\n", OLD: "1073741824\n"}, GIB),
        ({"memory.max": "1073741824\n", OLD: f"{UNLIMITED}\n"}, GIB),
    ],
)
def test_memory_limit(files: dict[str, str], limit: int | None, tmp_path: Path) -> None:
    write(tmp_path, files)
    assert memory_limit(tmp_path) == limit


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        ({"cpu.max": ""}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "150000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "0\n"}, None),
    ],
)
def test_cpu_limit(files: dict[str, str], limit: float | None, tmp_path: Path) -> None:
    write(tmp_path, files)
    assert cpu_limit(tmp_path) == limit


@pytest.mark.parametrize(
    ("files", "decoders", "count"),
    [
        ({}, 0, 64),
        ({"cpu.max": "200000 100000"}, 0, 2),
        ({"cpu.max": "50000 100000"}, 0, 1),
        ({"memory.max": str(2 * GIB)}, 0, 1),
        ({"memory.max": str(4 * GIB)}, 0, 3),
        ({"memory.max": str(GIB // 2)}, 0, 1),
        ({OLD: str(4 * GIB)}, 0, 3),
        ({"cpu.max": "800000 100000", "memory.max": str(4 * GIB)}, 0, 3),
        ({"cpu.max": "100000 100000", "memory.max": str(2 * GIB)}, 5, 5),
    ],
)
def test_decoders_fit_the_pod(
    files: dict[str, str], decoders: int, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, files)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(64))
    assert decoder_count(ValidateSettings(decoders=decoders), tmp_path) == count
