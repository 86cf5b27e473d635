"""`python -m nightjar_validate --input-prefix runs/…/shards/<shard>/ --output-prefix … --release KEY`."""

from nightjar.runtime.stage import main
from nightjar_validate.validate import validate

if __name__ == "__main__":
    main("validate", validate)
