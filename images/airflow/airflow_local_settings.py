"""Preloads what tasks import; Airflow reads this file as every one of its processes starts.

The scheduler's workers and the dag-processor's parsers are forks: what their parent has imported costs them nothing.
Without this a small task takes 1.6 s, with it 0.45 s, and parsing the DAGs 7 s a file, with it 0.5 s. The api-server
and the triggerer fork nobody, so there it would only cost start-up time and memory.
"""

import importlib
import sys

FORKING = frozenset({"scheduler", "dag-processor"})
PRELOADED = (
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.dagbag",
    "airflow.dag_processing.processor",
    "airflow.dag_processing.bundles.local",
    "airflow.providers.cncf.kubernetes.operators.pod",
    "airflow.providers.standard.decorators.python",
    "operators.account",
    "operators.cool_off",
    "operators.failures",
    "operators.folders",
    "operators.footage",
    "operators.hand_over",
    "operators.release",
    "operators.settings",
    "operators.shards",
    "operators.stage",
    "operators.trouble",
    "operators.watch_sign",
)


def preload(arguments: list[str]) -> None:
    """Import what tasks need, if the command line is that of a process whose forks run tasks or parse DAGs."""
    if FORKING.isdisjoint(arguments):
        return
    for module in PRELOADED:
        importlib.import_module(module)
    # A first client reads botocore's model of S3 from disk, a third of a second; later ones find it in the session.
    # The credentials keep it from looking for real ones; it talks to nobody.
    boto3 = importlib.import_module("boto3")
    boto3.client("s3", region_name="us-east-1", aws_access_key_id="preload", aws_secret_access_key="preload")  # noqa: S106


preload(sys.argv[1:])
