"""`nightjar`: the operators' command line. Each command is a module that registers itself with argparse."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

from nightjar.cli import (
    alerts,
    backfill,
    cameras,
    compare,
    evaluate,
    export,
    forget,
    lineage,
    logs,
    mute,
    refused,
    release,
    reproduce,
    retry,
    rules,
    setup,
    simulate,
    status,
    why,
)
from nightjar.cli.evaluate import Look
from nightjar.cli.status import Section
from nightjar.errors import NightjarError, UsageError
from nightjar.queries.releasing import ImageSource
from nightjar.runtime.secret_files import take_up_secrets

COMMANDS = (
    rules,
    alerts,
    why,
    lineage,
    mute,
    cameras,
    refused,
    retry,
    export,
    backfill,
    compare,
    forget,
    logs,
    reproduce,
    setup,
    simulate,
)


class Command(Protocol):
    """A module that is a command."""

    def register(self, commands: "argparse._SubParsersAction[Any]", /) -> None:
        """Add it to the command line."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Wrong usage ends with the code that it has everywhere in Nightjar, and not with argparse's 2."""
        raise UsageError(f"{message}\n{self.format_usage().strip()}")


def command_line(
    sections: Sequence[Section] = (),
    more: Sequence[Command] = (),
    look: Look | None = None,
    source: Callable[[], ImageSource] | None = None,
) -> argparse.ArgumentParser:
    """The parser of all commands; see `main`. Raises UsageError for wrong usage."""
    parser = _Parser(
        prog="nightjar",
        description="Look at and work on a Nightjar deployment. The bucket is named by NIGHTJAR_BUCKET, "
        "NIGHTJAR_S3_ENDPOINT and the AWS_* variables.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (*COMMANDS, *more):
        command.register(commands)
    evaluate.register(commands, look)
    release.register(commands, source)
    status.register(commands, sections)
    return parser


def main(
    arguments: Sequence[str] | None = None,
    sections: Sequence[Section] = (),
    more: Sequence[Command] = (),
    look: Look | None = None,
    source: Callable[[], ImageSource] | None = None,
) -> int:
    """Run the command in `arguments` (those of the process by default); returns the exit code.

    `sections` are what the surroundings add to `nightjar status`, `more` are commands of theirs, and with `look` they
    let `nightjar evaluate` start images of detectors; `source` is where they have images from, if not from a registry.
    """
    try:
        given = command_line(sections, more, look, source).parse_args(arguments)
        take_up_secrets()
        return int(given.run(given))
    except NightjarError as error:
        hint = "; on a laptop: source .nightjar/env" if "NIGHTJAR_BUCKET: not set" in str(error) else ""
        print(f"nightjar: {error}{hint}", file=sys.stderr)  # noqa: T201 - it talks to a terminal
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `nightjar … | head`: who reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
