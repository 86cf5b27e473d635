"""`python -m nightjar_assess --input-prefix runs/…/reconcile/ --output-prefix runs/…/assess/ --release KEY`."""

from nightjar.runtime.stage import main
from nightjar_assess.stage import assess

if __name__ == "__main__":
    main("assess", assess)
