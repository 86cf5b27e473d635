"""
# nightjar_live: one batch, from footage to alerts

**Purpose.** Validates, detects, assesses and alerts what one batch brought, each camera by itself, and records it in
the warehouse. `nightjar_watch` starts it when footage landed, under the id of the batch, so that no batch can run
twice. A few runs go side by side (`NIGHTJAR_LIVE_RUNS`), also over the same camera.

```text
freeze_release > plan_shards
    > for each shard, by itself:
          validate > detect > assess > notify
    > reconcile > record
rules_in_force, after freeze_release
close_run, always last
```

A shard that hangs, waits for a node or is tried again holds back nobody else's alerts. `notify` is skipped for a shard
without events.

**What can go wrong, and what to do**

* *`freeze_release` failed*: the Variable `nightjar_images` or a setting of a stage is wrong, an image is not built, or
  the rules are wrong and there are no good ones yet. The log names the key, setting, tag or line. Correct it and clear
  the run.
* *`rules_in_force` failed, the run is green*: a warning. `config/rules.yaml` is wrong, and the run went by the last
  good rules; no alert was held back. Its last log line names each mistake with its line. Mend the file
  (`nightjar rules check FILE`); the next run uses it. To judge this run's pictures by it, clear the whole run.
* *`shard.validate`, `shard.detect`, `shard.assess` or `shard.notify` failed*: nobody was alerted about this camera's
  pictures; the other cameras are not affected. The last log line says why. Clear the failed task **with its downstream
  tasks** (not "only failed"): only what is missing is computed, then the alerts follow. People who already got an
  alert do not get it again.
* *a stage "left no proof"*: its pod or process went away before it finished. It is retried; if it repeats, look at
  memory limits and evictions.
* *a stage "took longer than" its bound, or `DeadlineExceeded`*: it was stopped and tried once more. The bound follows
  the number of pictures (`NIGHTJAR_STAGE_START_SECONDS` and seconds for each picture, at most
  `NIGHTJAR_STAGE_SECONDS`).
* *a stage failed with "expected … release.json with SHA-256"*: the whole run was cleared, or another run took up its
  folder, while this task was waiting. Clear the whole run if there is something left to do.
* *`reconcile` failed*: the account does not add up. A bug: keep the run folder. Clear `plan_shards` with its
  downstream to redo it.
* *`record` failed*: the alerts are out; the rows of this run are missing in the warehouse. Clear `record` with its
  downstream.
* *`close_run` failed*: a task failed, or a shard changed after it was counted. It names what to clear.

Exit codes: 64 (wrong usage or configuration) and 65 (input refused) fail a stage at once, and its time bound at the
second time; everything else is tried six times with growing pauses.

* *footage was refused* (the run is green): `nightjar refused` says which and why. Mend the rules or the setting, then
  `nightjar retry --reason … --camera …`: that becomes a run here whose id begins with `retry-`.
* *an object "cannot be read"*: the counts say `failed:footage-unreadable:<code>` or `failed:picture-unreadable:<code>`
  with S3's code, the task's log names the object. Restore it (`InvalidObjectState`: it is archived) or give access to
  it, then clear `validate` or `detect` of its shard with its downstream.

* *the operator was told that a run is late*: it had not ended `NIGHTJAR_LIVE_LATE_SECONDS` (15 minutes) after it was
  queued. Look for the task that runs or waits: a stage ends at its time bound by itself; what waits lacks a worker, a
  node or S3. When the run has ended, the operator is told. (A run that is cleared after that has no other deadline.)

**Parameters.** `batch_id`: the batch, as collect or `nightjar retry` named it; its footage is listed in
`runs/nightjar_live/<batch id>/batch.jsonl`.

**Example.** `airflow dags trigger nightjar_live --run-id 20261120T130500Z-0123456789ab
--conf '{"batch_id": "20261120T130500Z-0123456789ab"}'`

**Is a re-run safe?** Yes. Clearing the whole run pins it to the release that is current then; clearing anything below
`freeze_release` keeps its release. Known detections are not computed again, an event is alerted once, and one that is
older than `NIGHTJAR_ALERT_MAX_AGE` (6 hours) goes to the digest.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, Param
from chain import DEFAULTS, MAX_ACTIVE_TASKS, NEAREST_TO_AN_ALERT_FIRST, RETRIES, chain

from operators.folders import BATCH_ID, LIVE, run_prefix
from operators.release import freeze_release
from operators.settings import deployment
from operators.trouble import watched

RUN = run_prefix(LIVE, "{{ params.batch_id }}")

with DAG(
    LIVE,
    doc_md=__doc__,
    description="One batch, from footage to alerts",
    schedule=None,
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=deployment().live_runs,
    max_active_tasks=MAX_ACTIVE_TASKS,
    tags=["nightjar"],
    **watched(late=timedelta(seconds=deployment().live_late_seconds)),
    default_args={
        **DEFAULTS,
        "execution_timeout": timedelta(minutes=30),
        "priority_weight": 10,
        **NEAREST_TO_AN_ALERT_FIRST,
        **RETRIES,
    },
    params={
        "batch_id": Param(
            type="string",
            pattern=BATCH_ID,
            description="The batch to work on, as collect named it",
        )
    },
):
    frozen = freeze_release(RUN)
    chain(frozen, RUN, after=frozen)
