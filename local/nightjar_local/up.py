"""`make up`: images, the deployment, its rules and Variable, and what its user needs to know."""

import json
import shlex

from botocore.exceptions import ClientError

from nightjar.domain.layout import HISTORY, LIVE, RULES_KEY, WATCH
from nightjar.domain.release import VARIABLE
from nightjar_local import images
from nightjar_local.airflow_api import AirflowApi
from nightjar_local.daemon import Daemon
from nightjar_local.layout import DEPLOYMENT, ENVIRONMENT_FILE, IMAGES, ROOT
from nightjar_local.seaweedfs import S3Access
from nightjar_local.settings import Settings, write_private

RULES = ROOT / "local" / "rules.yaml"
DESCRIPTION = "The image tag of every stage; a run freezes it as it starts."


def up() -> None:
    """Bring the deployment up, unless it is, and say where it is."""
    value = images.build_all()
    settings = Daemon(DEPLOYMENT).start()
    access = access_of(settings)
    put_rules(access)
    with AirflowApi(url_of(settings), settings.password) as api:
        deployed = set_images(api, value)
    write_private(ENVIRONMENT_FILE, _exports(settings, access))
    print(_welcome(settings, access))
    if deployed != value:
        print(
            "The deployment keeps its images; the sources would give others. To deploy them, set the Airflow\n"
            f"Variable {VARIABLE} (Admin > Variables) to\n    {json.dumps(value)}\n"
        )


def url_of(settings: Settings) -> str:
    """The address of Airflow's UI and API."""
    return f"http://127.0.0.1:{settings.ui_port}"


def access_of(settings: Settings) -> S3Access:
    """The S3 server of a deployment."""
    endpoint = f"http://127.0.0.1:{settings.s3_port}"
    return S3Access(endpoint, settings.bucket, settings.access_key_id, settings.secret_access_key)


def put_rules(access: S3Access) -> None:
    """Put the sample rules into the bucket, unless there are rules."""
    try:
        body = RULES.read_bytes()
        access.client().put_object(Bucket=access.bucket, Key=RULES_KEY, Body=body, IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise


def set_images(api: AirflowApi, value: dict[str, object]) -> dict[str, object]:
    """Set the Variable and let the DAGs run, unless it is set; returns its value."""
    there = api.variable(VARIABLE)
    if there is not None:
        return dict(json.loads(there))
    api.set_variable(VARIABLE, json.dumps(value), DESCRIPTION)
    api.start_dags([LIVE, HISTORY, WATCH], check=lambda: None)
    return value


def _exports(settings: Settings, access: S3Access) -> str:
    variables = {
        **access.environment(),
        "NIGHTJAR_RUNTIME": "local",
        "NIGHTJAR_IMAGE_STORE": str(IMAGES),
        "NIGHTJAR_AIRFLOW_URL": url_of(settings),
    }
    lines = [f"export {key}={shlex.quote(value)}" for key, value in variables.items()]
    path = 'case ":$PATH:" in *":{0}:"*) ;; *) export PATH={0}:"$PATH" ;; esac'
    return "\n".join([*lines, path.format(ROOT / ".nightjar" / "venv" / "airflow" / "bin"), ""])


def _welcome(settings: Settings, access: S3Access) -> str:
    return f"""
Nightjar is up.
  Airflow   {url_of(settings)}   user admin, password {settings.password}
  S3        {access.endpoint}   bucket {access.bucket}; footage goes under incoming/, rules are {RULES_KEY}
  In a shell
            source {ENVIRONMENT_FILE.relative_to(ROOT)}      # credentials, and the command nightjar
  Logs      .nightjar/deployment/logs
  Stop it   make down
"""
