"""`python -m nightjar_survey --input-prefix health/ --output-prefix runs/…/survey/ --release KEY`."""

from nightjar.runtime.stage import main
from nightjar_survey.stage import survey

if __name__ == "__main__":
    main("survey", survey)
