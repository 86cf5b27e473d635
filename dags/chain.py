"""The chain that live and history share: from a batch to alerts and a report."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import XComArg, task_group

from nightjar.domain.layout import stage_prefix
from operators.shards import close_run, plan_shards, reconcile
from operators.stage import StageOperator

# Airflow's default of 16 would hold back a hundred pods.
MAX_ACTIVE_TASKS = 128
# An outage of a few minutes is waited out: 10, 20, 40, 80, 120 s and jitter.
RETRIES = {
    "retries": 5,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=2),
}


def chain(images: XComArg, run_prefix: str, after: XComArg, day: str | None = None) -> None:
    """Everything from plan_shards on, in the run folder `run_prefix` (a template), once `after` is done.

    `images` has the image of every stage by its name. `day` (a template) is what the report is about; without it, the
    report is about what the run brought.
    """
    shards: Any = plan_shards(run_prefix)  # a list of prefixes, once it has run

    @task_group(group_id="shard")
    def each_shard(prefix: str) -> None:
        validate = _stage("validate", images, run_prefix, prefix, map_index_template="{{ task.shard }}")
        _stage("detect", images, run_prefix, validate.output, map_index_template="{{ task.shard }}")

    # Waits for every shard, however it ended: one that failed does not hold back the others' alerts. The default rule
    # on reconcile keeps it from running when there is no plan.
    shards_done = EmptyOperator(task_id="shards_done", trigger_rule="all_done")
    reconciled = reconcile(run_prefix, shards)
    assess = _stage("assess", images, run_prefix, stage_prefix(run_prefix, "reconcile"))
    notify = _stage("notify", images, run_prefix, stage_prefix(run_prefix, "assess"))
    report = _stage("report", images, run_prefix, stage_prefix(run_prefix, "notify"), day=day)

    after >> shards
    mapped = each_shard.expand(prefix=shards)
    mapped >> shards_done >> reconciled >> assess >> notify >> report
    # The shards as well: when only one of them is cleared, it must be done before the run is looked over.
    [mapped, report] >> close_run(run_prefix, shards)


def _stage(stage: str, images: Any, run_prefix: str, input_prefix: Any, **arguments: Any) -> StageOperator:
    return StageOperator(
        task_id=stage, stage=stage, image=images[stage], run_prefix=run_prefix, input_prefix=input_prefix, **arguments
    )
