"""A long-running program of a deployment, and where its keeper finds what to run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from nightjar_local.processes import PATIENCE
from nightjar_local.settings import write_private

COMPONENTS = "components"  # the folder of a deployment with a file for each program


@dataclass(frozen=True)
class Program:
    """A command with its whole environment. `name` is what people read in logs and in `make status`.

    When it is told to stop, it has `patience` seconds.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    patience: float = PATIENCE


def program_file(directory: Path, name: str) -> Path:
    """Where a deployment in `directory` keeps the program `name`; only its owner can read it: it holds secrets."""
    return directory / COMPONENTS / f"{name}.json"


def store(directory: Path, program: Program) -> None:
    """Keep the program for its keeper."""
    write_private(program_file(directory, program.name), json.dumps(asdict(program)) + "\n")


def load(directory: Path, name: str) -> Program:
    """The program `name` of the deployment in `directory`."""
    stored = json.loads(program_file(directory, name).read_text())
    return Program(**{**stored, "argv": tuple(stored["argv"])})
