"""The release of a run: the images and the rules it is pinned to, read once and written down."""

import logging
from collections.abc import Callable
from typing import Any

from airflow.sdk import Variable, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from nightjar.domain.layout import RELEASE, RUN_RULES, STARTED, last_segment
from nightjar.domain.model import Stored
from nightjar.domain.release import VARIABLE, Release, parse_images
from nightjar.errors import InputError, UsageError
from nightjar.runtime import rules
from nightjar.runtime.manifests import read_record, write_record
from nightjar.runtime.store import ObjectStore
from operators.bucket import bucket
from operators.failures import final_for_people
from operators.local import image_folder
from operators.settings import DeploymentSettings, deployment

log = logging.getLogger(__name__)


class Started(Stored):
    """`started.json`: who works on this run folder. Its being there tells collect that the batch was handed over.

    `start` differs for every start of the run from its beginning, and is the same for the retries of one start.
    """

    dag_run: str
    start: str


def stage_image(variable: str, stage: str) -> str:
    """Template filter: the image of `stage` by the value of Variable `nightjar_images`."""
    try:
        return parse_images(variable).reference(stage)
    except UsageError as error:
        raise AirflowFailException(str(error)) from error


@task(multiple_outputs=True)
@final_for_people
def freeze_release(run_prefix: str) -> dict[str, str]:
    """Pin this run to a release; returns the image of every stage."""
    context = get_current_context()
    ti: Any = context["ti"]
    first_try = ti.max_tries - (ti.task.retries or 0) + 1  # grows when the task is cleared, not when it is retried
    store = bucket()

    def is_running(dag_run: str) -> bool:
        return bool(ti.get_dr_count(dag_id=ti.dag_id, run_ids=[dag_run], states=["running"]))

    begin(store, run_prefix, Started(dag_run=str(context["run_id"]), start=str(first_try)), is_running)
    release = pinned(store, run_prefix) or pin(store, run_prefix, str(Variable.get(VARIABLE)), deployment())
    if release.rules.problem:
        log.warning("%s", release.rules.problem)
    return release.images


def begin(store: ObjectStore, run_prefix: str, started: Started, is_running: Callable[[str], bool]) -> None:
    """Note that this start works on the run folder; drop the release and rules of an earlier start.

    A retry keeps what it finds; a run that is cleared, or a new one over the same day, is pinned anew. While another
    DAG run works on the folder (one by hand, one by schedule, over one day), which would lose its release: UsageError.
    """
    key = f"{run_prefix}{STARTED}"
    there = store.head(key)
    if there is None:
        write_record(store, key, started, if_absent=True)
        return
    before = read_record(store, key, Started)[0]
    if before == started:
        return
    if before.dag_run != started.dag_run and is_running(before.dag_run):
        raise UsageError(
            f"run {before.dag_run} is working on {last_segment(run_prefix)}: wait for its end, then clear this run if "
            f"there is something left to do"
        )
    for name in (RELEASE, RUN_RULES):
        store.delete(f"{run_prefix}{name}")
    write_record(store, key, started, if_match=there.etag)


def pinned(store: ObjectStore, run_prefix: str) -> Release | None:
    """The release that this start of the run is already pinned to."""
    key = f"{run_prefix}{RELEASE}"
    return read_record(store, key, Release)[0] if store.head(key) else None


def pin(store: ObjectStore, run_prefix: str, variable: str, settings: DeploymentSettings) -> Release:
    """Check images and rules and write them down.

    Raises UsageError for a wrong Variable, for an image that is not built, and for rules without good ones.
    """
    images = parse_images(variable).references()
    if settings.runtime == "local" and settings.image_store is not None:
        for image in images.values():
            image_folder(settings.image_store, image)
    release = Release(run=last_segment(run_prefix), images=images, rules=rules.freeze(store, run_prefix))
    write_record(store, f"{run_prefix}{RELEASE}", release, if_absent=True)
    return release


def release_of(store: ObjectStore, run_prefix: str) -> Release:
    """The release that the run is pinned to; raises InputError when it is not."""
    found = pinned(store, run_prefix)
    if found is None:
        raise InputError(f"expected the release of the run below {run_prefix}, found none")
    return found
