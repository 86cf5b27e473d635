"""`python -m nightjar_compare --input-prefix runs/…/gather/ --output-prefix runs/…/compare/ --release KEY`."""

import nightjar.runtime.swift_start  # noqa: F401 - before anything else
from nightjar.runtime.stage import main
from nightjar_compare.stage import compare

if __name__ == "__main__":
    main("compare", compare)
