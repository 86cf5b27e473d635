"""`python -m nightjar_notify --input-prefix runs/…/assess/<shard>/ --output-prefix … --release KEY`."""

from nightjar.runtime.stage import main
from nightjar_notify.stage import notify

if __name__ == "__main__":
    main("notify", notify)
