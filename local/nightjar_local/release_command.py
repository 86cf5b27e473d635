"""`make release STAGE=… TAG=… WHY=…`: one image built, pushed where there is a registry, tried, and deployed.

Deploying is `nightjar release`, which also checks the digest, writes down who and why, and sets the Variable.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nightjar.domain.stages import STAGE_IMAGES, STAGES
from nightjar_local import airflow, detectors, images
from nightjar_local.containers import Builder, builder_from_environment
from nightjar_local.daemon import Daemon
from nightjar_local.deployment import Deployment
from nightjar_local.images import DETECT
from nightjar_local.layout import DEPLOYMENT, ROOT
from nightjar_local.processes import LocalError
from nightjar_local.release_source import check_start

_CANDIDATE = "detect_candidate"


@dataclass(frozen=True)
class Asked:
    """The image that was asked for, its tag, why, and the detector of `detect`. As `candidate`, it is only tried."""

    image: str
    tag: str
    why: str
    detector: str | None
    candidate: bool

    @property
    def word(self) -> str:
        """As `nightjar release` takes it."""
        return f"{_CANDIDATE if self.candidate else self.image}={self.tag}"


def release() -> int:
    """Do it, by the environment; returns the exit code of `nightjar release`."""
    asked = asked_for(os.environ, commit())
    builder = builder_from_environment()
    if builder:
        build_and_try(replace(builder, push=True), asked)
    else:
        print(f"release: {asked.image}:{asked.tag} in the local image store", flush=True)
        images.build_alone(asked.image, asked.tag, asked.detector)
    command = [str(Path(sys.executable).parent / "nightjar"), "release", asked.word, "--why", asked.why]
    return subprocess.run(command, env=environment_of(os.environ), check=False).returncode


def asked_for(environment: Mapping[str, str], revision: str) -> Asked:
    """The wishes in STAGE, TAG, WHY, DETECTOR and CANDIDATE; without TAG it is the commit `revision`.

    The tag of `detect` ends with its detector's name. Raises LocalError for what is missing or wrong, and where the
    tag would be a commit from which the sources differ.
    """
    image, why = environment.get("STAGE", ""), environment.get("WHY", "").strip()
    named = STAGES[image].image if image in STAGES else image
    if named not in STAGE_IMAGES:
        raise LocalError(f"expected STAGE=, one of {', '.join(STAGE_IMAGES)}, got {image!r}")
    if not why:
        raise LocalError('expected WHY="…": the reason, in a line, for the history of releases')
    candidate = environment.get("CANDIDATE") == "yes"
    if named != DETECT and (candidate or environment.get("DETECTOR")):
        raise LocalError(f"CANDIDATE=yes and DETECTOR=… are for STAGE=detect, got STAGE={image}")
    tag = environment.get("TAG") or revision
    if not tag:
        raise LocalError("expected TAG=…: the sources differ from their commit, whose id would be the tag otherwise")
    names = detectors.asked(environment) if named == DETECT else ()
    if len(names) > 1:
        raise LocalError(f"expected one DETECTOR, got {' and '.join(names)}: deploy one and try another as candidate")
    detector = names[0] if names else None
    if detector and not tag.endswith(f"-{detector}"):
        tag = f"{tag}-{detector}"
    images.check_tag(tag)
    return Asked(named, tag, why, detector, candidate)


def build_and_try(builder: Builder, asked: Asked) -> None:
    """Build and push the image, pull it, and let its programs say how they are used.

    Raises LocalError if the tag was used for other content, and if one of these steps fails.
    """
    reference = builder.build(asked.image, asked.tag, asked.detector)
    print(f"release: {builder.command} pulls and starts {reference}", flush=True)
    run([builder.command, "pull", reference])
    modules = [stage.module for stage in STAGES.values() if stage.image == asked.image]
    if builder.command.endswith("buildah"):  # which runs containers that it has made
        container = run([builder.command, "from", "--pull-never", reference]).splitlines()[-1]
        try:
            for module in modules:
                check_start([builder.command, "run", container, "--", "python"], module, reference, os.environ)
        finally:
            run([builder.command, "rm", container])
        return
    for module in modules:
        check_start(
            [builder.command, "run", "--rm", "--network=none", reference, "python"], module, reference, os.environ
        )


def environment_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for `nightjar release`: the caller's, or that of the local deployment that is up.

    Raises LocalError where the caller names no deployment and none is up.
    """
    if environment.get(f"{airflow.LOGIN_VARIABLES}URL"):
        return dict(environment)
    daemon = Daemon(DEPLOYMENT)
    if daemon.supervisor.process() is None:
        raise LocalError(
            "expected a deployment: `make up` starts one here; for another, set NIGHTJAR_AIRFLOW_URL with its login, "
            "NIGHTJAR_BUCKET and what belongs to it"
        )
    deployment = Deployment(DEPLOYMENT, daemon.settings())
    return {
        **environment,
        **airflow.command_environment(deployment.home, deployment.settings, deployment.access, ROOT / "dags"),
        **airflow.login_variables(deployment.settings),
    }


def commit() -> str:
    """The commit that the sources are of, 12 hex digits; empty where they differ from it, or outside a git clone."""
    try:
        if run(["git", "status", "--porcelain"]).strip():
            return ""
        return run(["git", "rev-parse", "--short=12", "HEAD"]).strip()
    except LocalError:
        return ""


def run(command: Sequence[str]) -> str:
    """The output of a command; raises LocalError, with the end of what it said, when it fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    except OSError as error:
        raise LocalError(f"expected the program {command[0]}: {error}") from None
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise LocalError(f"{' '.join(command)} ended with exit code {done.returncode}:\n{said}")
    return done.stdout
