"""How freed memory is kept."""

import ctypes

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
