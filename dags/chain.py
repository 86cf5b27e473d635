"""The chain that live and history share: from a batch to alerts, account and rows in the warehouse."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, XComArg, task_group

from operators.account import DUE, close_run, reconcile
from operators.folders import RECONCILE, stage_prefix
from operators.release import SHA256, rules_in_force
from operators.shards import EVENTS, plan_shards
from operators.stage import StageOperator
from operators.trouble import TASKS

# Updated by every run that records rows: there may be news for the page of some day.
DAY = Asset("nightjar_day")
# Updated by a live run that ended while the Variable named a candidate detector.
CANDIDATE_DUE = Asset(DUE)
# Airflow's default of 16 would hold back a hundred pods.
MAX_ACTIVE_TASKS = 128
# An outage of a few minutes is waited out: 10, 20, 40, 80, 120 s and jitter.
RETRIES = {
    "retries": 5,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=2),
}
# Part of the default_args of every DAG.
DEFAULTS = {"owner": "nightjar", **TASKS}
# For DAGs that give way to every alert.
AFTER_EVERY_ALERT = {
    **DEFAULTS,
    "execution_timeout": timedelta(minutes=30),
    "priority_weight": 1,
    "weight_rule": "absolute",
    **RETRIES,
}
# Where workers are scarce, what is nearest to an alert goes first.
NEAREST_TO_AN_ALERT_FIRST = {"weight_rule": "upstream"}


def chain(frozen: Any, run_prefix: str, after: XComArg, day: str | None = None) -> StageOperator:
    """Everything from plan_shards on, in the run folder `run_prefix` (a template), once `after` is done.

    `frozen` is what freeze_release returns. With `day` (a template), record also tidies up that day. Returns record,
    with which everything that comes of the run is stored.
    """
    shards: Any = plan_shards(run_prefix, frozen[SHA256])  # a list of prefixes, once it has run

    # Nothing in here waits for another shard: each is alerted by itself.
    @task_group(group_id="shard")
    def each_shard(prefix: str) -> None:
        validate = _shard_stage("validate", frozen, run_prefix, prefix)
        detect = _shard_stage("detect", frozen, run_prefix, validate.output)
        assess = _shard_stage("assess", frozen, run_prefix, detect.output)
        _shard_stage("notify", frozen, run_prefix, assess.output, skip_at_zero=EVENTS)

    # Waits for every shard, however it ended: the account is over all of them.
    reconciled = reconcile(run_prefix, shards, frozen[SHA256])
    record = stage_task("record", frozen, run_prefix, stage_prefix(run_prefix, RECONCILE), day=day, outlets=[DAY])

    after >> shards
    mapped = each_shard.expand(prefix=shards)
    mapped >> reconciled >> record
    # No alert waits for it, neither for its end nor for a worker.
    warned = rules_in_force.override(priority_weight=1, weight_rule="absolute")(run_prefix, frozen[SHA256])
    # The shards as well: when only one of them is cleared, it must be done before the run is looked over.
    [mapped, record, warned] >> close_run(run_prefix, shards, frozen)
    return record


def stage_task(stage: str, frozen: Any, run_prefix: str, input_prefix: Any, **arguments: Any) -> StageOperator:
    """The task of a stage, pinned to the release that freeze_release returned."""
    return StageOperator(
        task_id=stage,
        stage=stage,
        image=frozen[stage],
        release=frozen[SHA256],
        run_prefix=run_prefix,
        input_prefix=input_prefix,
        **arguments,
    )


def _shard_stage(stage: str, frozen: Any, run_prefix: str, input_prefix: Any, **arguments: Any) -> StageOperator:
    return stage_task(stage, frozen, run_prefix, input_prefix, map_index_template="{{ task.shard }}", **arguments)
