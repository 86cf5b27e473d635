"""`python -m nightjar_detect`."""

from nightjar.runtime.stage import main
from nightjar_detect.stage import detect

if __name__ == "__main__":
    main("detect", detect)
