"""How memory is kept and mapped: the model and its buffers stay where they are, in as few pages as can be."""

import ctypes
from collections.abc import Iterable, Iterator
from pathlib import Path

# malloc.h of glibc; see mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT = 256 << 20  # bytes
_ARENAS = 2


def keep_freed_memory() -> None:
    """Have malloc keep what is freed for what comes next, instead of giving it back to the system each time.

    Every picture needs the same few buffers of some hundred kilobytes. By default glibc maps each anew, and the system
    clears it page by page: that costs more than decoding. Does nothing where malloc cannot be told (musl).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_M_MMAP_THRESHOLD, _KEPT)
    mallopt(_M_TRIM_THRESHOLD, _KEPT)
    mallopt(_M_ARENA_MAX, _ARENAS)


# mman-common.h of Linux; see madvise(2).
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25
_HUGE = 2 << 20  # bytes of a huge page


def use_huge_pages() -> None:
    """Have the kernel map what this process has allocated by now in huge pages, where it offers them.

    An inference walks through tens of megabytes of weights and tensors; with pages of 4 KiB the processor spends 3 to 6
    percent of it on looking up where they are. Changes nothing where the kernel says no, or is older than Linux 6.1 and
    takes its time.
    """
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    try:
        maps = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return
    for start, end in huge_ranges(maps):
        if madvise(start, end - start, _MADV_HUGEPAGE) == 0:
            madvise(start, end - start, _MADV_COLLAPSE)


def huge_ranges(maps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The addresses, whole huge pages, of the process's own writable memory, from the lines of `/proc/self/maps`."""
    for line in maps:
        addresses, permissions, _, device, _, *name = line.split(maxsplit=5)
        if permissions != "rw-p" or device != "00:00" or name not in ([], ["[heap]"]):
            continue
        first, last = (int(address, 16) for address in addresses.split("-"))
        start, end = -(-first // _HUGE) * _HUGE, last // _HUGE * _HUGE
        if start < end:
            yield start, end
