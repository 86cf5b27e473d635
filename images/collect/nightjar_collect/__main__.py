"""`python -m nightjar_collect --input-prefix incoming/ --output-prefix runs/nightjar_watch/<run>/collect/`."""

import nightjar.runtime.swift_start  # noqa: F401 - before anything else
from nightjar.runtime.stage import main
from nightjar_collect.stage import collect

if __name__ == "__main__":
    main("collect", collect)
