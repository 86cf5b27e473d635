"""`python -m nightjar_record`."""

import nightjar.runtime.swift_start  # noqa: F401 - before anything else
from nightjar.runtime.stage import main
from nightjar_record.stage import work

if __name__ == "__main__":
    main("record", work)
