"""`python -m nightjar_validate --input-prefix runs/…/shards/<shard>/ --output-prefix … --release KEY`."""

import ctypes

import nightjar.runtime.swift_start  # noqa: F401 - before anything else
from nightjar.runtime.stage import main
from nightjar_validate.stage import validate

PR_SET_DUMPABLE = 4

if __name__ == "__main__":
    # Decoders run as the same user; without this they could read this process's credentials from /proc.
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    main("validate", validate)
