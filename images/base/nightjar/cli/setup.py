"""`nightjar setup`: makes pools, Variable, first login, bucket and rules of a new deployment; keeps what is there.

The chart runs it after each install and upgrade, when the database is migrated. Only Airflow knows its pools, Variables
and users, so this calls it.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from nightjar.domain.model import Input
from nightjar.domain.release import VARIABLE, Images
from nightjar.domain.retention import Keep
from nightjar.errors import TryAgainError, UsageError

if TYPE_CHECKING:
    from nightjar.runtime.settings import StoreSettings
    from nightjar.runtime.store import ObjectStore

# Without any rules, runs fail; with these they look at footage, and nobody is told.
NO_RULES = """\
# Made by the set-up: nothing is unsafe yet, and no camera is known. Put yours by `nightjar rules put FILE`.
version: 1
rules: {}
users: {}
"""
_SAID = 20  # lines of what airflow said when it failed

Airflow = Callable[[Sequence[str], str], str]  # runs `airflow …` with an input; returns its output


class BucketSetup(Input):
    """How the bucket is to be; days are whole days."""

    create: bool = True
    encryption: Literal["", "AES256", "aws:kms"] = "AES256"
    kms_key: str = ""
    block_public_access: bool = True
    lifecycle: bool = True
    log_prefix: str = "airflow-logs"
    log_days: int = Field(30, ge=1)
    old_version_days: int = Field(30, ge=1)
    expire_days: dict[str, int] = Field(default_factory=dict)
    keep_days: Keep = Keep()


class Setup(Input):
    """The file: pools with their slots, the images to begin with, the bucket, and rules to begin with, if any."""

    pools: dict[str, int] = Field(default_factory=dict)
    images: Images | None = None
    bucket: BucketSetup = Field(default_factory=BucketSetup)
    rules: str = ""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `setup` to the command line."""
    setup = commands.add_parser(
        "setup",
        help="make a new deployment ready: pools, Variable, first login, bucket, rules",
        description="Make a new deployment ready, as the chart does after each install and upgrade. Can be repeated: "
        f"pools get their slots; the Variable {VARIABLE}, a user and rules are left alone if they are there; the "
        "bucket is made, versioned, encrypted, closed to the public and given lifecycle rules. A step that S3 refuses "
        "is told and stops no other. Needs the command airflow and a migrated database.",
    )
    setup.add_argument("--file", type=Path, required=True, metavar="FILE", help="JSON, as the chart makes it")
    setup.add_argument(
        "--admin", type=Path, metavar="FOLDER", help="with the files user and password of the first login"
    )
    setup.set_defaults(run=run_setup)


def run_setup(given: argparse.Namespace) -> int:
    """Do it, each step told in a line; returns 0. What failed is raised after all that could be done was done."""
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    setup, settings = read_setup(given.file), load(StoreSettings)
    errors: list[UsageError | TryAgainError] = []
    for steps in (
        in_bucket(settings, setup.bucket),
        in_store(lambda: S3Store(settings), setup.rules),
        in_airflow(call_airflow, setup, given.admin),
    ):
        try:
            for line in steps:
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        except (UsageError, TryAgainError) as error:
            sys.stdout.write(f"not done: {error}\n")
            errors.append(error)
    if errors:
        # What a person has to mend comes before what may pass.
        raise min(errors, key=lambda error: error.exit_code)
    return 0


def read_setup(file: Path) -> Setup:
    """The file; raises UsageError when it cannot be read or is wrong, naming each place."""
    try:
        return Setup.model_validate(json.loads(file.read_text()))
    except (OSError, ValueError) as error:
        found = str(error)
        if isinstance(error, ValidationError):
            found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"expected a set-up at {str(file)!r}: {found}") from None


def in_airflow(airflow: Airflow, setup: Setup, admin: Path | None) -> Iterator[str]:
    """Pools, first login and Variable, each told; the Variable last, for which the chart's scheduler waits."""
    with tempfile.TemporaryDirectory(prefix="nightjar-") as folder:
        if setup.pools:
            # A deferred task has a pod too, so it counts.
            pools = {
                name: {"slots": slots, "description": "pods at once, by the chart", "include_deferred": True}
                for name, slots in setup.pools.items()
            }
            airflow(["pools", "import", _file(folder, "pools.json", pools)], "")
            yield f"pools: {', '.join(f'{name} {slots}' for name, slots in setup.pools.items())}"
        if admin:
            yield f"login: {_admin(airflow, admin)}"
        if setup.images:
            value = setup.images.model_dump(by_alias=True, exclude_none=True)
            file = _file(folder, "variables.json", {VARIABLE: value})
            airflow(["variables", "import", "--action-on-existing-key", "skip", file], "")
            yield f"Variable {VARIABLE}: set, unless it was"


def in_bucket(settings: "StoreSettings", wanted: BucketSetup) -> Iterator[str]:
    """Each step of the bucket."""
    from nightjar.runtime import bucket
    from nightjar.stores import lifecycle

    ours = lifecycle.lifecycle_rules(
        log_prefix=wanted.log_prefix,
        log_days=wanted.log_days,
        old_version_days=wanted.old_version_days,
        expire_days=lifecycle.folders_that_expire(wanted.keep_days, wanted.expire_days),
    )
    asked = bucket.Wanted(
        create=wanted.create,
        encryption=wanted.encryption,
        kms_key=wanted.kms_key,
        block_public_access=wanted.block_public_access,
        lifecycle=(lambda there: lifecycle.renewed(there, ours)) if wanted.lifecycle else None,
    )
    for done in bucket.set_up_bucket(bucket.bucket_client(settings), settings.bucket, asked):
        yield f"{done.step}: {'refused, and left as it is: ' if done.refused else ''}{done.outcome}"


def in_store(store_of: "Callable[[], ObjectStore]", rules: str) -> Iterator[str]:
    """The rules to begin with, if the bucket has none."""
    from nightjar.runtime.rules import parse_rules
    from nightjar.stores.rules import RulesStore

    stored = RulesStore(store_of())
    try:
        are_there = stored.newest() is not None
    except UsageError as error:
        if rules.strip():
            raise
        yield f"rules: not looked at: {error}"
        return
    if are_there:
        yield "rules: are there"
        return
    text = (rules if rules.strip() else NO_RULES).encode()
    parse_rules(text, "setup.rules")
    stored.put(text)
    yield "rules: put" if rules.strip() else "rules: put without any; `nightjar rules put FILE` puts yours"


def call_airflow(arguments: Sequence[str], said_to_it: str) -> str:
    """Run `airflow …`; returns its output. Raises UsageError without the command, TryAgainError when it fails."""
    program = shutil.which("airflow")
    if program is None:
        raise UsageError("expected the command airflow on the PATH, as in the Airflow image")
    done = subprocess.run(  # noqa: S603 - no shell
        [program, *arguments], input=said_to_it, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-_SAID:])
        # The database may be starting, or another set-up under way.
        raise TryAgainError(f"airflow {' '.join(arguments[:2])} ended with exit code {done.returncode}:\n{last}")
    return done.stdout


def _admin(airflow: Airflow, folder: Path) -> str:
    try:
        user, password = ((folder / name).read_text().strip() for name in ("user", "password"))
    except OSError as error:
        raise UsageError(f"expected the files user and password in {str(folder)!r}: {error.strerror}") from None
    if not (user and password):
        raise UsageError(f"expected a user and a password in {str(folder)!r}, got an empty one")
    names = ["--firstname", user, "--lastname", "Nightjar", "--email", user if "@" in user else f"{user}@localhost"]
    # Airflow asks for the password twice, so that it stands in no list of processes.
    said = airflow(["users", "create", "--username", user, "--role", "Admin", *names], f"{password}\n{password}\n")
    return f"{user} was there" if "already exist" in said else f"{user} made"


def _file(folder: str, name: str, value: Any) -> str:
    path = Path(folder) / name
    path.write_text(json.dumps(value))
    return str(path)
