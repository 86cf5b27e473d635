"""The one tree of errors that Nightjar raises on purpose, and the exit code each ends a stage with.

    NightjarError
    ├── UsageError      64   wrong usage or configuration; not retried
    ├── InputError      65   the input as a whole is refused; not retried
    └── TryAgainError   75   something outside fails for now; retried with back-off

The codes are those of BSD's sysexits.h (EX_USAGE, EX_DATAERR, EX_TEMPFAIL). Anything else that escapes is a bug and
ends with 1. Every message says, in one sentence, what was expected and what came.
"""

from typing import ClassVar


class NightjarError(Exception):
    """Base of all errors that Nightjar raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(NightjarError):
    """A flag, a setting, a Variable or the rules file is wrong: a person has to change it."""

    exit_code = 64


class InputError(NightjarError):
    """The input as a whole is refused: it is not what the contract says."""

    exit_code = 65


class TryAgainError(NightjarError):
    """Something outside (S3, the mail API) failed for now, or the stage was asked to stop; nothing is lost."""

    exit_code = 75
