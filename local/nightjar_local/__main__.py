"""`python -m nightjar_local`: what the Makefile calls."""

import argparse
import os
import sys
from pathlib import Path

from nightjar.errors import NightjarError
from nightjar_local import detectors, offers
from nightjar_local.chaos import harness
from nightjar_local.chaos.rounds import as_account, seed_and_minutes
from nightjar_local.containers import builder_from_environment
from nightjar_local.daemon import Daemon
from nightjar_local.demo import demo
from nightjar_local.layout import CHAOS, DEMO, DEPLOYMENT, shown
from nightjar_local.processes import termination_as_interrupt
from nightjar_local.release_command import release
from nightjar_local.sample_drop import drop_into_deployment
from nightjar_local.status import as_table, status
from nightjar_local.up import up


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="nightjar_local", description=__doc__)
    parser.add_argument("command", choices=list(COMMANDS))
    parser.add_argument("--directory", type=Path, help="where it keeps everything; for demo and chaos")
    given = parser.parse_args(arguments)
    command = given.command
    try:
        return COMMANDS[command](given.directory)
    except NightjarError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        print(f"{command}: interrupted{f' by {interrupt}' if str(interrupt) else ''}", file=sys.stderr)
        return 130


def _up(_directory: Path | None) -> int:
    with termination_as_interrupt():
        up()
        if os.environ.get("DEMO") == "yes":
            print(f"{drop_into_deployment()}\n")
    return 0


def _down(_directory: Path | None) -> int:
    print("The deployment is stopped." if Daemon(DEPLOYMENT).stop() else "No deployment was up.")
    return 0


def _status(_directory: Path | None) -> int:
    supervisor = Daemon(DEPLOYMENT).supervisor
    if supervisor.process() is None:
        print(f"No deployment is up. Why the last one ended is in {shown(supervisor.log)}.")
        return 1
    statuses = status(supervisor)
    print(f"{as_table(statuses)}\n\nLogs: {shown(supervisor.log.parent)}")
    return 0 if all(each.is_running for each in statuses) else 1


def _images(_directory: Path | None) -> int:
    builder = builder_from_environment()
    builds: offers.Builds = offers.Containers(builder) if builder else offers.LocalStore()
    deployed = None if builder else offers.deployed_images()
    made = offers.offer(
        builds,
        os.environ.get("TAG") or None,
        deployed,
        everything=os.environ.get("ALL") == "yes",
        detectors=detectors.asked(os.environ),
    )
    print(offers.as_text(made))
    return 0


def _release(_directory: Path | None) -> int:
    return release()


def _demo(directory: Path | None) -> int:
    return demo((directory or DEMO).absolute())


def _chaos(directory: Path | None) -> int:
    seed, minutes = seed_and_minutes(os.environ)
    folder = (directory or CHAOS).absolute()
    result = harness.run(folder, seed, minutes * 60)
    print(f"\n{as_account(result)}\n\nLogs: {shown(folder / 'logs')}. The same faults again: make chaos SEED={seed}")
    return 1 if result.problems else 0


def _test_cluster(_directory: Path | None) -> int:
    # The clients of Kubernetes take a second, which every other command would pay.
    from nightjar_local.cluster.command import test_cluster

    with termination_as_interrupt():
        return test_cluster(os.environ)


COMMANDS = {
    "test-cluster": _test_cluster,
    "up": _up,
    "down": _down,
    "status": _status,
    "images": _images,
    "release": _release,
    "demo": _demo,
    "chaos": _chaos,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
