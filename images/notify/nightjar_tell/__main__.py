"""`python -m nightjar_tell --input-prefix troubles/ --output-prefix runs/…/tell/ --release KEY`."""

from nightjar.runtime.stage import main
from nightjar_tell.stage import tell_what_is_due

if __name__ == "__main__":
    main("tell", tell_what_is_due)
