"""Makes the tools and virtual environments under `.nightjar` from the locks, quickly if they are there.

    python3 local/bootstrap.py airflow dev
    python3 local/bootstrap.py --lock

Needs only Python 3.11 with its venv module: it installs a pinned uv, and uv installs the rest. Standard library only.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".nightjar"
UV = STATE / "tools" / "bin" / "uv"

NO_STAGES = {"airflow", "tools", "trial"}
STAGES = sorted({path.parent.name for path in (ROOT / "images").glob("*/requirements.in")} - NO_STAGES)
ENVIRONMENTS = {
    "airflow": (ROOT / "local" / "requirements.txt", ("images/base", "local", ".", "dags")),
    "dev": (
        ROOT / "requirements-dev.txt",
        (*(f"images/{stage}" for stage in STAGES), "local", ".", "dags"),
    ),
}

# The lock that all others are constrained to, so that all parts share one set of versions.
EVERYTHING = "requirements-dev"
LOCKS = (
    "requirements",
    "local/requirements",
    *(f"images/{stage}/requirements" for stage in STAGES),
    "images/airflow/requirements",
    "images/trial/requirements",
    "images/detect/model/requirements",
    "images/detect/requirements-tensorflow",
    "images/detect/requirements-gpu",
)
LOCKS_ALONE = ("local/uv", "local/samples")
# What builds images, and shares no version with what is in them.
LOCKS_OF_TOOLS = ("images/tools/requirements",)

NIGHTJAR_COMMAND = ROOT / "local" / "nightjar"


class BootstrapError(Exception):
    """This machine lacks something; the message says what to do."""


def main(arguments: list[str]) -> int:
    """Make the named environments, or the locks; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environments", nargs="*", choices=[*ENVIRONMENTS, []], metavar="|".join(ENVIRONMENTS))
    parser.add_argument("--lock", action="store_true", help="compile every requirements .in to its .txt")
    options = parser.parse_args(arguments)
    try:
        with exclusive():
            seconds = {"downloads": 0.0, "rest": 0.0}
            make_tools(seconds)
            if options.lock:
                compile_locks()
            for name in options.environments:
                make_environment(name, seconds)
    except BootstrapError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"set-up: {Path(error.cmd[0]).name} ended with exit code {error.returncode}", file=sys.stderr)
        return 1
    total = sum(seconds.values())
    if total > 0.5:
        print(f"set-up: {total:.0f} s, of which downloading and unpacking {seconds['downloads']:.0f} s", flush=True)
    return 0


@contextmanager
def exclusive() -> Iterator[None]:
    """One bootstrap at a time in this clone."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_tools(seconds: dict[str, float]) -> None:
    """`.nightjar/tools`: a virtual environment with nothing but the pinned uv."""
    stamp = digest(ROOT / "local" / "uv.txt", words=(sys.version,))
    tools = STATE / "tools"
    if is_done(tools, stamp):
        return
    print("set-up: uv, the installer", flush=True)
    start = time.monotonic()
    if importlib.util.find_spec("ensurepip") is None:  # Debian splits it off
        raise BootstrapError("this Python lacks ensurepip; first install it (Debian: apt-get install python3-venv)")
    run(sys.executable, "-m", "venv", "--clear", str(tools))
    pip = (str(tools / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "--require-hashes", "-r", str(ROOT / "local" / "uv.txt"))
    seconds["downloads"] += time.monotonic() - start
    mark_done(tools, stamp)


def make_environment(name: str, seconds: dict[str, float]) -> None:
    """`.nightjar/venv/<name>`: exactly what the lock says, this clone's packages on its path, bytecode compiled."""
    requirements, packages = ENVIRONMENTS[name]
    target = STATE / "venv" / name
    python = target / "bin" / "python"
    stamp = digest(requirements, Path(__file__), NIGHTJAR_COMMAND, words=(sys.version, str(ROOT), *packages))
    if is_done(target, stamp) and python.exists():
        return
    print(f"set-up: the {name} environment", flush=True)
    start = time.monotonic()
    (target / "done").unlink(missing_ok=True)
    if not python.exists():
        shutil.rmtree(target, ignore_errors=True)
        run(str(UV), "venv", "-q", "--python", str(STATE / "tools" / "bin" / "python"), str(target))
    quiet = () if sys.stderr.isatty() else ("-q",)  # uv draws bars on a terminal
    run(str(UV), "pip", "sync", *quiet, "--python", str(python), "--require-hashes", str(requirements))
    seconds["downloads"] += time.monotonic() - start
    start = time.monotonic()
    site = target / "lib" / "python3.11" / "site-packages"
    site.joinpath("nightjar-clone.pth").write_text("".join(f"{(ROOT / each).resolve()}\n" for each in packages))
    command = target / "bin" / "nightjar"
    command.write_text(NIGHTJAR_COMMAND.read_text().replace("/usr/bin/env python", str(python), 1))
    command.chmod(0o755)
    # Starting Airflow or a stage without bytecode takes several times as long; some files are not meant to compile.
    subprocess.run([str(python), "-m", "compileall", "-q", "-j", "0", str(site)], capture_output=True, check=False)
    seconds["rest"] += time.monotonic() - start
    mark_done(target, stamp)


def compile_locks() -> None:
    """Every requirements `.txt` from its `.in`, with hashes, without naming any index."""
    hashed = ("--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header")
    command = (str(UV), "pip", "compile", "-q", *hashed)
    run(*command, f"{EVERYTHING}.in", "-o", f"{EVERYTHING}.txt")
    for name in LOCKS:
        run(*command, "-c", f"{EVERYTHING}.txt", f"{name}.in", "-o", f"{name}.txt")
    for name in LOCKS_ALONE:
        run(*command, "--no-deps", f"{name}.in", "-o", f"{name}.txt")
    for name in LOCKS_OF_TOOLS:
        run(*command, f"{name}.in", "-o", f"{name}.txt")


def digest(*files: Path, words: tuple[str, ...] = ()) -> str:
    """One SHA-256 over the files' contents and the words."""
    sha = hashlib.sha256()
    for file in files:
        sha.update(hashlib.sha256(file.read_bytes()).digest())
    for word in words:
        sha.update(hashlib.sha256(word.encode()).digest())
    return sha.hexdigest()


def is_done(directory: Path, stamp: str) -> bool:
    """Whether it was completed from the very inputs that the stamp stands for."""
    done = directory / "done"
    return done.exists() and done.read_text() == stamp


def mark_done(directory: Path, stamp: str) -> None:
    """Note what it was made from; the last step, so that what was interrupted is made again."""
    (directory / "done").write_text(stamp)


def run(*command: str) -> None:
    """Run it in the clone's root, its output going where ours goes."""
    # Caller's PYTHONPATH or active environment must not leak into what is built here.
    clean = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    subprocess.run(command, cwd=ROOT, env=clean, check=True)


def ensure_python() -> None:
    """Go on under Python 3.11, which the locks are made for; BootstrapError if there is none."""
    if sys.version_info[:2] == (3, 11):
        return
    other = shutil.which("python3.11")
    if other is None:
        found = ".".join(map(str, sys.version_info[:3]))
        raise BootstrapError(f"expected Python 3.11, which the locked requirements are made for, got {found}")
    os.execv(other, [other, *sys.argv])  # noqa: S606, the same script under another Python


if __name__ == "__main__":
    try:
        ensure_python()
    except BootstrapError as problem:
        sys.exit(f"set-up: {problem}")
    sys.exit(main(sys.argv[1:]))
