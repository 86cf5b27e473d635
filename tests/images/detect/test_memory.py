"""Huge pages for the model: which memory is meant, and that asking for them harms nothing."""

import ctypes
import os
import re
from pathlib import Path

import pytest

from nightjar_detect.memory import huge_ranges, use_huge_pages

MIB = 1 << 20


def line(start: int, end: int, permissions: str = "rw-p", device: str = "00:00", name: str = "") -> str:
    return f"{start:x}-{end:x} {permissions} 00000000 {device} 0    {name}".rstrip()


@pytest.mark.parametrize(
    ("lines", "ranges"),
    [
        ([], []),
        ([line(2 * MIB, 8 * MIB)], [(2 * MIB, 8 * MIB)]),
        ([line(3 * MIB, 9 * MIB, name="[heap]")], [(4 * MIB, 8 * MIB)]),
        ([line(3 * MIB, 5 * MIB)], []),
        ([line(2 * MIB, 4 * MIB), line(4 * MIB, 6 * MIB)], [(2 * MIB, 4 * MIB), (4 * MIB, 6 * MIB)]),
        ([line(2 * MIB, 8 * MIB, permissions="r--p")], []),
        ([line(2 * MIB, 8 * MIB, permissions="rw-s")], []),
        ([line(2 * MIB, 8 * MIB, device="fd:01", name="/opt/nightjar/model/model.tflite")], []),
        ([line(2 * MIB, 8 * MIB, name="[stack]")], []),
        ([line(2 * MIB, 8 * MIB, name="[anon: glibc: malloc]")], []),
    ],
)
def test_which_memory_is_meant(lines: list[str], ranges: list[tuple[int, int]]) -> None:
    assert list(huge_ranges(lines)) == ranges


def test_memory_keeps_its_content_and_is_mapped_in_huge_pages_where_there_are_any() -> None:
    block = ctypes.create_string_buffer(bytes(range(256)) * (16 * MIB // 256), 16 * MIB)
    use_huge_pages()
    assert block.raw == bytes(range(256)) * (16 * MIB // 256)
    offered = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    at_once = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= (6, 1)
    if at_once and offered.exists() and "[never]" not in offered.read_text():
        mapped = re.search(r"AnonHugePages: +(\d+) kB", Path("/proc/self/smaps_rollup").read_text())
        assert mapped and int(mapped[1]) > 0
