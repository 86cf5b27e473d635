"""`python -m nightjar_notify --input-prefix runs/…/assess/<shard>/ --output-prefix … --release KEY`."""

import nightjar.runtime.swift_start  # noqa: F401 - before anything else
from nightjar.runtime.stage import main
from nightjar_notify.stage import notify

if __name__ == "__main__":
    main("notify", notify)
