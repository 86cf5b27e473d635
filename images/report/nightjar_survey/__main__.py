"""`python -m nightjar_survey --input-prefix health/ --output-prefix runs/…/survey/ --release KEY`."""

import nightjar.runtime.swift_start  # noqa: F401 - before anything else
from nightjar.runtime.stage import main
from nightjar_survey.stage import survey

if __name__ == "__main__":
    main("survey", survey)
