"""Airflow on loopback: api-server, scheduler, dag-processor and triggerer, configured by environment alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from nightjar_local.cluster import runtime
from nightjar_local.layout import CACHE, IMAGES, ROOT
from nightjar_local.processes import PATIENCE, TOKEN_VARIABLE, LocalError, program
from nightjar_local.programs import Program
from nightjar_local.seaweedfs import S3Access
from nightjar_local.settings import Settings, write_private

API_SERVER = "api-server"
SCHEDULER = "scheduler"
# The logins: who may do everything, and who may look and change nothing.
ADMIN = "admin"
VIEWER = "viewer"
# Nightjar's pages in Airflow's UI, below its address.
PAGES = "/plugin/nightjar"
# In the order in which they start. Ports are not served by what is started with --skip-serve-logs; the api-server reads
# task logs from their files.
COMMANDS: Mapping[str, tuple[str, ...]] = {
    API_SERVER: ("api-server",),
    SCHEDULER: ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
# Airflow's UI gives the grid a fifth of the window, too little for ten runs: the newest, at the right, is out of sight.
THEME = {"globalCss": {"[data-panel-id='main-panel']": {"minWidth": "min(27rem, 60vw)"}}}
# After it has stopped, it takes Python many seconds to throw away what it had in memory.
PATIENCE_WITH = {API_SERVER: 3.0}
# A caller may set these for the stages, besides everything that starts with NIGHTJAR_.
PASSED_ON = (
    *("PATH", "LANG", "TZ", "SSL_CERT_FILE", "AWS_CA_BUNDLE"),
    *("SENDGRID_API_KEY", "SENDGRID_API_URL", "CHANNELS_URLS", "CHANNELS_LINK_KEY"),
)


# The login of a person's shell, which no component needs and no task may see.
LOGIN_VARIABLES = "NIGHTJAR_AIRFLOW_"


def login_variables(settings: Settings) -> dict[str, str]:
    """The variables by which `nightjar` signs in to this Airflow from a person's shell."""
    values = {"URL": f"http://127.0.0.1:{settings.ui_port}", "USER": ADMIN, "PASSWORD": settings.password}
    return {f"{LOGIN_VARIABLES}{name}": value for name, value in values.items()}


def prepare(home: Path, settings: Settings) -> None:
    """Make AIRFLOW_HOME: the logins, and a migrated database unless there is one."""
    home.mkdir(parents=True, exist_ok=True)
    passwords = {ADMIN: settings.password, VIEWER: settings.viewer_password}
    write_private(home / "passwords.json", json.dumps(passwords) + "\n")
    database = home / "airflow.db"
    if not database.exists():
        shutil.copyfile(_migrated_database(), database)
        database.chmod(0o600)


def components(
    home: Path, settings: Settings, access: S3Access, dags: Path, more: Mapping[str, str] | None = None
) -> list[Program]:
    """The four programs, in the order in which they start. They look for the DAGs in `dags`.

    `more` are variables that replace those of `environment`.
    """
    variables = {**environment(home, settings, access, dags), **(more or {})}
    return [
        Program(name, (program("airflow"), *arguments), variables, PATIENCE_WITH.get(name, PATIENCE))
        for name, arguments in COMMANDS.items()
    ]


def environment(home: Path, settings: Settings, access: S3Access, dags: Path) -> dict[str, str]:
    """The whole environment of the four processes, and so of every task and stage."""
    inherited = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    inherited |= {
        key: value
        for key, value in os.environ.items()
        if key.startswith(("NIGHTJAR_", "AIRFLOW__OPENLINEAGE__")) and not key.startswith(LOGIN_VARIABLES)
    }
    # Links in messages lead to this deployment, unless the caller says otherwise.
    links = {"NIGHTJAR_LINK_ADDRESS": f"http://127.0.0.1:{settings.ui_port}", "CHANNELS_LINK_KEY": settings.link_key}
    return {
        **links,
        **inherited,
        **command_environment(home, settings, access, dags),
        "HOME": str(home),
        "PYTHONPATH": str(ROOT / "images" / "airflow"),  # airflow_local_settings
        "PYTHONUNBUFFERED": "1",
        TOKEN_VARIABLE: settings.token,
    }


def command_environment(home: Path, settings: Settings, access: S3Access, dags: Path) -> dict[str, str]:
    """The variables for the commands `airflow`, `nightjar` and `aws`, in the deployment as in a person's shell.

    Without the token: what a person starts is not the deployment's to end.
    """
    url = f"http://127.0.0.1:{settings.ui_port}"
    options = {
        "CORE__DAGS_FOLDER": str(dags),
        "CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",  # until the Variable is set
        "CORE__EXECUTOR": "nightjar_local.executor.LocalExecutor",  # which ends when one of its workers is killed
        "CORE__MP_START_METHOD": "fork",  # so that workers have what the scheduler preloaded
        # Tasks mostly wait for their stage, and a stage uses about one core: twice the cores keeps them busy.
        "CORE__PARALLELISM": str(2 * (os.cpu_count() or 1)),
        "CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
        "CORE__FERNET_KEY": settings.fernet_key,
        "CORE__HOSTNAME_CALLABLE": "platform.node",  # the default asks DNS, which may hang or be wrong on a laptop
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin,{VIEWER}:viewer",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        # Seconds to wait for another process's write; by default 5, which a busy disk takes at times.
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}?timeout=60",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(settings.ui_port),
        "API__BASE_URL": url,
        "API__SECRET_KEY": settings.api_secret,
        "API__THEME": json.dumps(THEME),
        "API__DEFAULT_WRAP": "True",  # the sentence that ends a log is seen whole
        "API_AUTH__JWT_SECRET": settings.jwt_secret,
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0",  # it waits in the executor
        "SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        # Seconds without a sign of life after which a task is tried again; by default 300.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "SCHEDULER__USE_JOB_SCHEDULE": "True",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        # A file that has changed is parsed at the next refresh, whatever stands here; by default all are every 30 s.
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        # A worker notices at the next heartbeat, at the latest, that its task has ended: by default after 5 s.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "LOGGING__COLORED_CONSOLE_LOG": "False",
        # Or waiting for footage fills a log with a line a second, and what OpenLineage was told ends that of a task.
        "LOGGING__NAMESPACE_LEVELS": "airflow.providers.amazon.aws.triggers.s3=WARNING "
        "airflow.providers.openlineage=WARNING",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {
        **{f"AIRFLOW__{key}": value for key, value in options.items()},
        **access.environment(),
        "AIRFLOW_HOME": str(home),
        **_stages(settings),
        "OPENLINEAGE_CLIENT_LOGGING": "WARNING",
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
    }


def _stages(settings: Settings) -> dict[str, str]:
    """The variables that say where stages run: pods of the caller's cluster, or processes of this machine."""
    if settings.kubeconfig:
        return runtime.variables(settings.kubeconfig)
    return {"NIGHTJAR_RUNTIME": "local", "NIGHTJAR_IMAGE_STORE": str(IMAGES)}


def _migrated_database() -> Path:
    """An empty migrated database, made once for each lock: migrating takes 10 s, copying none."""
    lock = sha256((ROOT / "local" / "requirements.txt").read_bytes()).hexdigest()
    database = CACHE / f"airflow-{lock[:16]}.db"
    if database.exists():
        return database
    CACHE.mkdir(parents=True, exist_ok=True)
    unfinished = database.with_suffix(f".{os.getpid()}")
    minimal = {
        "PATH": os.environ.get("PATH", ""),
        "AIRFLOW_HOME": str(CACHE / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{unfinished}",
    }
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    result = subprocess.run(command, env=minimal, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        unfinished.unlink(missing_ok=True)
        said = "\n".join((result.stdout + result.stderr).splitlines()[-20:])
        raise LocalError(f"airflow db migrate ended with exit code {result.returncode}:\n{said}")
    shutil.rmtree(CACHE / "airflow", ignore_errors=True)
    unfinished.rename(database)
    return database
