"""The release of a run: images, settings and rules, resolved once when the run begins, and written down."""

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime

from airflow.sdk import Context, Variable, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from nightjar.domain.bumps import CurrentImages, value_of
from nightjar.domain.release import VARIABLE, Images, Release, StageRelease, Started, parse_images
from nightjar.domain.stages import STAGES, stage_named
from nightjar.errors import UsageError
from nightjar.runtime.settings import StageSettings, StoreSettings
from nightjar.runtime.store import ObjectStore
from nightjar.settings.airflow import AirflowSettings
from nightjar.settings.by_stage import refuse_unknown, resolve
from nightjar.settings.detect import Look
from nightjar.settings.retention import RetentionSettings
from nightjar.stores.releases import Releases
from nightjar.stores.rules import RULES_KEY, RulesStore
from nightjar.stores.runs import Run, Runs, folder_of
from operators.assignment import pinned_release
from operators.attempts import first_attempt
from operators.bucket import bucket
from operators.dag_runs import UNDER_WAY, count_runs
from operators.failures import final_for_people
from operators.image_digests import UNPINNED, digests_now, image_references, place_of, tags
from operators.settings import DeploymentSettings, deployment

log = logging.getLogger(__name__)

# How the local deployment knows its own processes, and the ports it was told to use: no settings of Nightjar's.
OF_THE_LOCAL_DEPLOYMENT = ("NIGHTJAR_DEPLOYMENT_TOKEN", "NIGHTJAR_UI_PORT", "NIGHTJAR_S3_PORT")

LOOK = "NIGHTJAR_LOOK"
CANDIDATE_TAG = "detect_candidate"  # of the Variable, of a run's conf, and of what freeze_release returns
SHA256 = "release"  # the key, beside the stages, of what freeze_release returns


def stage_image(variable: str, stage: str) -> str:
    """Template filter: the image of `stage` by the value of Variable `nightjar_images`."""
    try:
        return parse_images(variable).reference(stage)
    except UsageError as error:
        raise AirflowFailException(str(error)) from None


@task(multiple_outputs=True)
@final_for_people
def freeze_release(run_prefix: str, look: str = "") -> dict[str, str]:
    """Pin this run to a release; returns the image of every stage, and under `release` the SHA-256 of release.json.

    `look` is what the run was asked for instead of the setting NIGHTJAR_LOOK; empty for nothing.
    """
    return freeze(get_current_context(), bucket(), run_prefix, str(Variable.get(VARIABLE)), deployment(), look)


@task
@final_for_people
def rules_in_force(run_prefix: str, release: str) -> None:
    """Fail when the newest rules are wrong and the run goes by older ones: a warning, which fails no run.

    Airflow has no state for a warning; a red task under a green run is what an operator sees in the grid at one look.
    No alert waits for it, and `close_run` does not count it.
    """
    if warning := rules_warning(bucket(), run_prefix, release):
        raise AirflowFailException(warning)


def rules_warning(store: ObjectStore, run_prefix: str, sha256: str) -> str | None:
    """That the run goes by older rules than the newest, and why, in one sentence; None when it does not."""
    rules = pinned_release(Runs(store).at(run_prefix), sha256).rules
    if not rules.problem:
        return None
    return (
        f"warning: {rules.problem}. This run goes by {rules.key}, and alerts as always; mend {RULES_KEY}, and the runs "
        f"that begin after that go by it"
    )


def freeze(
    context: Context,
    store: ObjectStore,
    run_prefix: str,
    variable: str,
    settings: DeploymentSettings,
    look: str = "",
    candidate: str = "",
) -> dict[str, str]:
    """Take up the run's folder, and pin it to what is deployed now; a retry keeps what an earlier attempt pinned.

    A `look` that the run was asked for is pinned as well, and is no deployment; nor is a `candidate`, the tag of the
    detector to be tried instead of the deployed one. Raises UsageError for one that is none, and while another DAG run
    that works on the folder is queued or running.
    """
    if look not in ("", *Look):
        raise UsageError(f"expected `look` in the run's conf to be one of {', '.join(Look)}, got {look!r}")
    run = Runs(store).at(run_prefix)

    def is_under_way(dag_run: str) -> bool:
        return bool(count_runs(context, context["ti"].dag_id, UNDER_WAY, dag_run))

    started = Started(dag_run=str(context["run_id"]), start=str(first_attempt(context["ti"])))
    run.begin(started, is_under_way)

    def make() -> Release:
        now = datetime.now(UTC)
        if candidate:
            release = candidate_release(store, run, started, variable, settings, candidate, now)
            Releases(store).record(release, run_prefix, now, None)
            return release
        release, current = deployed_release(store, run, started, variable, settings, now)
        Runs(store).deploy(run_prefix, release, now)
        if look:
            release = release.with_settings("detect", {LOOK: look})
        Releases(store).record(release, run_prefix, now, current)
        return release

    release, ref = run.pin(started, make)
    if release.rules.problem:
        log.warning("%s", release.rules.problem)
    tag = candidate or parse_images(variable).detect_candidate or ""
    return {SHA256: ref.sha256, CANDIDATE_TAG: tag, **{stage: each.image for stage, each in release.stages.items()}}


def deployed_release(
    store: ObjectStore, run: Run, started: Started, variable: str, settings: DeploymentSettings, now: datetime
) -> tuple[Release, CurrentImages]:
    """The release of what is deployed, and the account of the Variable that says so, with its images' digests.

    A Variable that changed since the last run is noted. Raises UsageError as `resolve_release` does, and for a tag that
    holds other content than it held when it was first seen, on whichever machine that was.
    """
    refuse_unknown_settings()
    images = parse_images(variable)
    references = image_references(images)
    held = digests_now(references, settings)
    releases = Releases(store)
    current = releases.take_note(value_of(images), now)
    place = place_of(images.registry, settings)
    digests = releases.check_digests(current, place, tags(references), held, folder_of(run.prefix), now)
    release = resolve_release(store, run.name, started, images, digests)
    return release, current.model_copy(update={"place": place, "digests": digests})


def candidate_release(
    store: ObjectStore,
    run: Run,
    started: Started,
    variable: str,
    settings: DeploymentSettings,
    candidate: str,
    now: datetime,
) -> Release:
    """The release of what is deployed, with the detector `candidate` in place of the deployed one; no deployment.

    Raises UsageError as `deployed_release` does.
    """
    refuse_unknown_settings()
    images = parse_images(variable).trying(candidate)
    references = image_references(images)
    held = digests_now(references, settings)
    place = place_of(images.registry, settings)
    digests = Releases(store).check_digests(None, place, tags(references), held, folder_of(run.prefix), now)
    return resolve_release(store, run.name, started, images, digests)


def refuse_unknown_settings() -> None:
    """Raise UsageError for a variable of the environment that begins like a setting and is none."""
    known = (StoreSettings, StageSettings, DeploymentSettings, AirflowSettings, RetentionSettings)
    refuse_unknown(os.environ, known, OF_THE_LOCAL_DEPLOYMENT)


def resolve_release(
    store: ObjectStore, run: str, started: Started, images: Images, digests: Mapping[str, str]
) -> Release:
    """Everything that decides the results of the run called `run`, as it is now; `digests` are by image.

    Raises UsageError for a wrong setting, and for rules that are wrong while there are no good ones to fall back on.
    """
    stages = {
        stage: StageRelease(
            image=images.reference(stage), digest=digests.get(stage_named(stage).image), settings=resolve(stage)
        )
        for stage in STAGES
        if stage != UNPINNED
    }
    return Release(run=run, start=started.identity, stages=stages, rules=RulesStore(store).freeze())
