"""`python -m nightjar_tell --input-prefix troubles/ --output-prefix runs/…/tell/ --release KEY`."""

import nightjar.runtime.swift_start  # noqa: F401 - before anything else
from nightjar.runtime.stage import main
from nightjar_tell.stage import tell_what_is_due

if __name__ == "__main__":
    main("tell", tell_what_is_due)
