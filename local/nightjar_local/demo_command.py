"""`nightjar demo`, on a laptop only: puts the sample footage into the deployment that is up."""

import argparse
import sys

from nightjar.errors import UsageError
from nightjar_local.processes import LocalError


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `demo` to the command line."""
    demo = commands.add_parser(
        "demo",
        help="put the sample footage into the local deployment",
        description="Put the sample footage of `make demo` into incoming/ of the local deployment that is up. A second "
        "time changes nothing.",
    )
    demo.set_defaults(run=lambda _: run_demo())


def run_demo() -> int:
    """Put it; returns 0."""
    from nightjar_local.sample_drop import drop_into_deployment

    try:
        sys.stdout.write(f"{drop_into_deployment()}\n")
    except LocalError as error:
        raise UsageError(str(error)) from None
    return 0
