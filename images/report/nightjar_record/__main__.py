"""`python -m nightjar_record`."""

from nightjar.runtime.stage import main
from nightjar_record.stage import work

if __name__ == "__main__":
    main("record", work)
