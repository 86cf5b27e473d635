"""`make up`: images, the deployment, its rules and Variable, and what its user needs to know."""

import json
import os
import shlex
import sys
from pathlib import Path

from botocore.exceptions import ClientError
from pydantic import ValidationError

from nightjar.domain.release import DESCRIPTION, VARIABLE
from nightjar.runtime import bucket
from nightjar.runtime.airflow_api import AirflowApi
from nightjar.runtime.settings import load
from nightjar.settings.retention import RetentionSettings
from nightjar.stores import lifecycle
from nightjar.stores.rules import RULES_KEY
from nightjar.stores.runs import HISTORY, LIVE, PATROL, REPORT, WATCH
from nightjar_local import airflow, images
from nightjar_local.cluster import runtime
from nightjar_local.daemon import Daemon
from nightjar_local.deployment import Deployment
from nightjar_local.layout import DEPLOYMENT, ENVIRONMENT_FILE, ROOT, shown
from nightjar_local.processes import LocalError
from nightjar_local.seaweedfs import S3Access
from nightjar_local.settings import ENDPOINT_VARIABLE, S3_PORT, write_private
from nightjar_local.supervisor_config import LOGS

RULES = ROOT / "local" / "rules.yaml"


def up() -> None:
    """Bring the deployment up, unless it is, and say where it is.

    Raises LocalError, with all that is missing, if the stages are to be pods of a cluster that cannot run them yet.
    """
    daemon = Daemon(DEPLOYMENT)
    kubeconfig = runtime.asked_kubeconfig(os.environ)
    if kubeconfig and daemon.supervisor.process() is None:
        check_cluster(Path(kubeconfig))
    value = runtime.images(os.environ) if kubeconfig else images.build_all()
    settings = daemon.start()
    deployment = Deployment(DEPLOYMENT, settings)
    put_rules(deployment.access)
    install_retention(deployment.access)
    with deployment.api() as api:
        deployed = set_images(api, value)
        start_once(api)
    write_private(ENVIRONMENT_FILE, exports(deployment))
    print(welcome(deployment))
    if value is not None and deployed != value | same_sources(deployed):
        print(
            "The deployment keeps its images; the sources would give others. To deploy them, set the Airflow\n"
            f"Variable {VARIABLE} (Admin > Variables) to\n    {json.dumps(value)}\n"
        )


def check_cluster(kubeconfig: Path) -> None:
    """Raise LocalError, with all that is missing, unless stages can be pods there that reach the S3 server."""
    from nightjar_local.cluster.kube import Kubernetes  # takes a second, which every other command would pay

    endpoint = os.environ.get(ENDPOINT_VARIABLE) or f"http://127.0.0.1:{S3_PORT}"
    runtime.check(Kubernetes(kubeconfig), os.environ, endpoint)


def put_rules(access: S3Access) -> None:
    """Put the sample rules into the bucket, unless there are rules."""
    try:
        body = RULES.read_bytes()
        access.client().put_object(Bucket=access.bucket, Key=RULES_KEY, Body=body, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise


def install_retention(access: S3Access) -> None:
    """Give the bucket its lifecycle rules, by `NIGHTJAR_KEEP_…_DAYS`. Raises UsageError for wrong days.

    A server that takes none is told, and keeps everything.
    """
    settings = load(RetentionSettings)
    try:
        expiring = lifecycle.folders_that_expire(settings.keep)
    except ValidationError as error:
        raise LocalError("; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors())) from None
    # Logs of tasks are on this machine's disk, unless they were sent to the bucket by settings of one's own.
    ours = lifecycle.lifecycle_rules(
        log_prefix=lifecycle.LOGS,
        log_days=settings.keep_old_versions_days,
        old_version_days=settings.keep_old_versions_days,
        expire_days=expiring,
    )
    wanted = bucket.Wanted(
        create=False,
        encryption="",
        block_public_access=False,
        lifecycle=lambda there: lifecycle.renewed(there, ours),
    )
    for done in bucket.set_up_bucket(access.client(), access.bucket, wanted):
        if done.refused:
            print(f"{done.step}: {done.outcome}; nothing is deleted by age")


def set_images(api: AirflowApi, value: dict[str, object] | None) -> dict[str, object]:
    """Set the Variable, unless it is set; returns its value. Raises LocalError if there is none to set."""
    there = api.variable(VARIABLE)
    if there is None:
        if value is None:
            raise LocalError("expected REGISTRY and TAG: the pods' images are <REGISTRY>/<stage>:<TAG>")
        api.set_variable(VARIABLE, json.dumps(value), DESCRIPTION)
        return value
    return dict(json.loads(there))


def same_sources(deployed: dict[str, object]) -> dict[str, object]:
    """The tag of the deployed detect, where its image is what the sources give: with whichever detector it is."""
    tag = str(deployed.get(images.DETECT))
    detector = images.detector_of(tag)
    return {images.DETECT: tag} if detector and tag in images.tags_of(images.DETECT, detector) else {}


def start_once(api: AirflowApi) -> None:
    """Let the DAGs run, unless they have been let before: one that somebody has paused since stays so.

    The watch comes last and always has a run from then on; so where it has none, nobody came to the end of this. The
    patrol has runs within minutes; where it has none, the deployment is of a release that had no patrol.
    """
    if not api.runs(WATCH):
        api.start_dags([LIVE, HISTORY, REPORT, PATROL, WATCH], check=lambda: None)
    elif not api.runs(PATROL):
        api.start_dags([PATROL], check=lambda: None)


def exports(deployment: Deployment) -> str:
    """The variables for `airflow`, `nightjar` and `aws`, for a shell to source; they hold the deployment's secrets."""
    settings, access = deployment.settings, deployment.access
    variables = airflow.command_environment(deployment.home, settings, access, ROOT / "dags")
    variables |= airflow.login_variables(settings)
    lines = [f"export {key}={shlex.quote(value)}" for key, value in variables.items()]
    path = 'case ":$PATH:" in *":{0}:"*) ;; *) export PATH={0}:"$PATH" ;; esac'
    return "\n".join([*lines, path.format(Path(sys.executable).parent), ""])


def welcome(deployment: Deployment) -> str:
    """Addresses, logins and commands for the user of a deployment that is up."""
    access, settings = deployment.access, deployment.settings
    return f"""
Nightjar is up.
  Pages     {deployment.url}{airflow.PAGES}
            user {airflow.ADMIN}, password {settings.password}
            user {airflow.VIEWER}, password {settings.viewer_password}; for who changes nothing
  Airflow   {deployment.url}   the same logins
  S3        {access.endpoint}   bucket {access.bucket}; footage goes under incoming/, rules are {RULES_KEY}
  In a shell
            source {shown(ENVIRONMENT_FILE)}      # credentials, and the commands nightjar, airflow and aws
  Logs      {shown(deployment.directory / LOGS)}; supervisor.log there tells when a component was started again, and why
  Footage   a new deployment is empty; make up DEMO=yes puts the sample footage in
  State     make status
  Stop it   make down      # what it stores stays, for the next make up
"""
