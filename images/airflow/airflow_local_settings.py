"""Preloads what tasks import; Airflow reads this file as every one of its processes starts.

The scheduler's workers and the dag-processor's parsers are forks: what their parent has imported costs them nothing.
Without this a small task takes 1.6 s, with it 0.45 s, and parsing the DAGs 7 s a file, with it 0.5 s. The api-server
and the triggerer fork nobody, so there it would only cost start-up time and memory.

Before anything else, secrets that are mounted as files (`NIGHTJAR_SECRETS_DIR`) are taken up.

Every process of Airflow makes a million objects as it starts, and keeps them. It is told not to look through them for
garbage again and again, nor once more at its end: to start and end the scheduler took 5.8 CPU seconds and takes 3.8, a
command such as `airflow dags list-runs` 3.3 and 2.2.
"""

import atexit
import gc
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
    "operators.candidate",
    "operators.cool_off",
    "operators.failures",
    "operators.folders",
    "operators.footage",
    "operators.hand_over",
    "operators.old_pods",
    "operators.release",
    "operators.reproduction",
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
    importlib.import_module("nightjar.runtime.s3_client").preload()


gc.set_threshold(50_000, 20, 50)  # objects that come on top before the youngest are looked through; by default 700
atexit.register(gc.freeze)  # what is frozen is not looked through
importlib.import_module("nightjar.runtime.secret_files").take_up_secrets()
preload(sys.argv[1:])
