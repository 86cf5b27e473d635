"""
# nightjar_watch: sees what landed and hands it over

**Purpose.** Waits for footage in `incoming/` (or a claim in `claims/`, that a dead run or `nightjar retry` left), lets
`collect` claim and file what landed, hands the batch over to a run of `nightjar_live`, and looks again as soon as that
run has begun. While `NIGHTJAR_LIVE_RUNS` (4) live runs are under way it waits, so that batches grow with the load.
There is always exactly one run.

```text
wait_for_footage > collect > hand_over
cool_off, when one of them failed
```

**What can go wrong, and what to do**

* *`wait_for_footage` is up for retry*: S3 cannot be reached or refuses. Mend S3 or the credentials. It goes on by
  itself, within a minute.
* *`wait_for_footage` is deferred although footage landed*: as many live runs as are allowed are queued or running; the
  triggerer's log says so. Look at the runs of `nightjar_live`: one that hangs ends at its time bound by itself.
* *`collect` failed, exit code 64*: bucket, credentials or the Variable `nightjar_images` are wrong. The task's log
  says which. Correct it; the next run starts by itself.
* *`collect` failed otherwise*: S3 failed for minutes, or a bug. Nothing is lost: the next run takes up its claim.
* *`hand_over` is up for retry*: the live run failed before it began (`freeze_release` could not even write to S3) or
  was deleted, or S3 cannot be reached. Mend that; the live run is started again half a minute after it ended.
* *`hand_over` is deferred for long*: the live run is queued. Is `nightjar_live` paused, or the scheduler overloaded?
* *`cool_off` runs or failed*: one of the others failed. Nothing to do: it holds the run for a minute, so that failures
  do not repeat every second, and then fails it.

* *the operator was told that the watch does not look*: it has left no sign for `NIGHTJAR_WATCH_SILENT_SECONDS` (5
  minutes). Is this DAG paused? Are the triggerer and the scheduler alive? Can the triggerer reach S3, and write below
  `operator/`? Its log says so. A single batch that takes `collect` longer than that is told as well, and is over then.

A live run that fails after it has begun is not seen here: look at `nightjar_live`, whose runbook says what to do.

**Parameters.** None. Which image of collect runs is in the Variable `nightjar_images`.

**Example.** `aws s3 cp cat.jpg s3://$NIGHTJAR_BUCKET/incoming/alice-porch-1763647500.jpg`

**Is a re-run safe?** Yes. Footage is claimed by version, and a batch has one live run under its own id. Clearing an
old run only waits for new footage, as the next run does anyway; clearing its `hand_over` alone does nothing when the
live run has begun.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from chain import DEFAULTS

from operators.cool_off import CoolOffOperator
from operators.folders import CLAIMS, INCOMING, LIVE, WATCH, run_name, run_prefix
from operators.footage import FootageSensor
from operators.hand_over import HandOverOperator
from operators.release import stage_image
from operators.settings import deployment
from operators.stage import StageOperator
from operators.trouble import watched

BATCH_ID = "{{ ti.xcom_pull('collect', key='result')['batch_id'] }}"

with DAG(
    WATCH,
    doc_md=__doc__,
    description="Sees what landed and hands it over",
    schedule="@continuous",
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["nightjar"],
    **watched(late=None),
    default_args={**DEFAULTS, "priority_weight": 1000, "weight_rule": "absolute"},  # before every other
    user_defined_filters={"image": stage_image, "run_name": run_name},
):
    wait_for_footage = FootageSensor(
        task_id="wait_for_footage",
        prefix=INCOMING,
        claims=CLAIMS,
        dag_id=LIVE,
        most_runs=deployment().live_runs,
        poke_interval=deployment().watch_look_seconds,
        timeout=timedelta(days=365).total_seconds(),
        # An outage of S3 is one run that waits, however long.
        retries=100_000,
        retry_delay=timedelta(seconds=5),
        retry_exponential_backoff=2.0,
        max_retry_delay=timedelta(minutes=1),
    )
    collect = StageOperator(
        task_id="collect",
        stage="collect",
        image="{{ var.value.nightjar_images | image('collect') }}",
        run_prefix=run_prefix(WATCH, "{{ run_id | run_name }}"),
        input_prefix=INCOMING,
        skip_without="batch_id",
    )
    hand_over = HandOverOperator(
        task_id="hand_over",
        trigger_dag_id=LIVE,
        trigger_run_id=BATCH_ID,
        conf={"batch_id": BATCH_ID},
        run_prefix=run_prefix(LIVE, BATCH_ID),
        batch_id=BATCH_ID,
        poke_interval=1,
    )
    cool_off = CoolOffOperator(task_id="cool_off", seconds=60)

    wait_for_footage >> collect >> hand_over
    [wait_for_footage, collect, hand_over] >> cool_off
