"""The seal of a decoder: a seccomp filter, after which its process can compute, answer and end, and nothing else.

An allow-list, since a list of dangerous calls would miss those of later kernels. It is short, because nothing is opened
after the seal: the code is loaded before, and each file comes as an open descriptor. No call on the list takes a path,
an address or another process. All others fail with ENOSYS, as on a kernel that does not have them: the C library knows
that answer and falls back where it can, for example from clone3 to clone, whose flags a filter can see.
"""

import errno
import mmap
import os
import resource

from seccompy import Action, ArgCmp, CmpOp, Filter, FilterFlag, SeccompError

# By what they are needed for. All of them exist on x86-64 and on arm64.
ALLOWED = (
    *("read", "readv", "pread64", "lseek", "close"),  # the file, by its descriptor
    *("recvfrom", "recvmsg", "sendto", "write", "writev"),  # the channel (new sockets cannot be made); standard error
    *("brk", "mremap", "munmap"),
    *("futex", "rseq", "set_robust_list", "sched_yield", "sched_getaffinity", "sysinfo"),  # threads
    *("clock_gettime", "clock_getres", "gettimeofday", "clock_nanosleep", "nanosleep", "getrandom"),
    *("getpid", "gettid", "getcwd", "getrusage", "setitimer"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "exit", "exit_group"),
)

_CLONE_THREAD = 0x0001_0000
_CLONE_NEW = 0x7E02_0000  # any new namespace
_POISONING = 100  # pieces of advice from here on break memory for the whole machine


def seal() -> str:
    """Seal this process for good, all of its threads. Says why it could not, in words; empty when it did."""
    allowed = Filter(Action.ERRNO | errno.ENOSYS, flags=FilterFlag.TSYNC)
    for name in ALLOWED:
        allowed.allow(name)
    # Threads, but no processes.
    allowed.allow("clone", args=[ArgCmp(0, CmpOp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD | _CLONE_NEW)])
    # Memory, but no new machine code.
    for name in ("mmap", "mprotect"):
        allowed.allow(name, args=[ArgCmp(2, CmpOp.MASKED_EQ, 0, mmap.PROT_EXEC)])
    allowed.allow("madvise", args=[ArgCmp(2, CmpOp.LT, _POISONING)])
    # Signals, but only to itself: how abort() ends it.
    allowed.allow("tgkill", args={0: os.getpid()})
    # Its own limits: to read them all, to set that of a job's processor time; root could lift that of memory.
    allowed.allow("prlimit64", args={0: 0, 1: resource.RLIMIT_CPU})
    allowed.allow("prlimit64", args={0: 0, 2: 0})
    try:
        allowed.load()  # sets no_new_privs, too
    except SeccompError as error:
        return f"the kernel takes no seccomp filter: {error.strerror or error}"
    return ""
