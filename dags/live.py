"""
# nightjar_live: one batch, from footage to alerts

**Purpose.** Validates, detects, assesses, alerts and reports what one batch brought. `nightjar_watch` starts it when
footage landed, under the id of the batch, so that no batch can run twice. A few runs go side by side.

    freeze_release > plan_shards > per shard: (validate > detect) > reconcile > assess > notify > report
    close_run, always last

**What can go wrong, and what to do**

* *`freeze_release` failed*: the Variable `nightjar_images` is wrong, an image is not built, or the rules are wrong and
  there are no good ones yet. The log names the key, tag or line. Correct it and clear the run.
* *`shard.validate` or `shard.detect` failed*: this camera's pictures count as failed; the others are alerted all the
  same. The last log line says why. Clear the failed task **with its downstream** (not "only failed"): only what is
  missing is computed, then the alerts follow.
* *a stage "left no proof"*: its pod or process went without finishing. It is retried; if it repeats, look at memory
  limits and evictions.
* *`reconcile` failed*: the account does not add up. A bug: keep the run folder. Clear `plan_shards` with its downstream
  to redo it.
* *`notify` failed*: the mail API failed for minutes or refused for good. Clear `notify` with its downstream. What was
  sent is in the ledger and not sent again.
* *`close_run` failed*: some task failed, or a shard changed after it was alerted and reported. It names the tasks.
  Clear the named one with its downstream.

Exit codes: 64 (wrong usage or configuration) and 65 (input refused) fail a stage at once, and so does its time bound
(`NIGHTJAR_STAGE_SECONDS`); everything else is tried six times with growing pauses.

**Parameters.** `batch_id`: the batch, as collect named it; its footage is listed in
`runs/nightjar_live/<batch id>/batch.jsonl`.

**Example.** `airflow dags trigger nightjar_live --run-id 20261120T130500Z-0123456789ab
--conf '{"batch_id": "20261120T130500Z-0123456789ab"}'`

**Is a re-run safe?** Yes. Clearing the whole run pins it to the release that is current then; clearing anything below
`freeze_release` keeps its release. What is known is not computed again, an event is alerted once, and one that is older
than `alert_max_age` (6 hours) goes to the digest.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param
from chain import MAX_ACTIVE_TASKS, RETRIES, chain

from nightjar.domain.layout import LIVE
from operators.release import freeze_release

RUN = f"runs/{LIVE}/{{{{ params.batch_id }}}}/"

with DAG(
    LIVE,
    doc_md=__doc__,
    description="One batch, from footage to alerts",
    schedule=None,
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    max_active_tasks=MAX_ACTIVE_TASKS,
    tags=["nightjar"],
    default_args={"owner": "nightjar", "execution_timeout": timedelta(minutes=30), **RETRIES},
    params={
        "batch_id": Param(
            type="string",
            pattern=r"^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{12}$(?!\n)",
            description="The batch to work on, as collect named it",
        )
    },
):
    images = freeze_release(RUN)
    chain(images, RUN, after=images)
