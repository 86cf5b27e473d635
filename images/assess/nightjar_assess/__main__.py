"""`python -m nightjar_assess --input-prefix runs/…/reconcile/ --output-prefix runs/…/assess/ --release KEY`."""

import nightjar.runtime.swift_start  # noqa: F401 - before anything else
from nightjar.runtime.stage import main
from nightjar_assess.stage import assess

if __name__ == "__main__":
    main("assess", assess)
