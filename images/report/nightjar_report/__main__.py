"""`python -m nightjar_report`."""

from nightjar.runtime.stage import main
from nightjar_report.stage import work

if __name__ == "__main__":
    main("report", work)
