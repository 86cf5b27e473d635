"""`python -m nightjar_report`."""

import nightjar.runtime.swift_start  # noqa: F401 - before anything else
from nightjar.runtime.stage import main
from nightjar_report.stage import work

if __name__ == "__main__":
    main("report", work)
