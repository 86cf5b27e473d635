"""`python -m nightjar_detect`."""

import nightjar.runtime.swift_start  # noqa: F401 - before anything else
from nightjar.runtime.stage import main
from nightjar_detect.stage import detect

if __name__ == "__main__":
    main("detect", detect)
