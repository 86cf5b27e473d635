"""
# nightjar_watch: sees what landed and hands it over

**Purpose.** Waits on `incoming/`, lets `collect` claim and file what landed, and starts `nightjar_live` on that batch.
It waits for that run before it looks again, so that batches grow with the load. There is always exactly one run.

**What can go wrong, and what to do**

* *`wait_for_footage` is up for retry*: S3 cannot be reached or refuses. Mend S3 or the credentials. It goes on by
  itself, within a minute.
* *`collect` failed, exit code 64*: bucket, credentials or the Variable `nightjar_images` are wrong. The task's log says
  which. Correct it; the next run starts by itself.
* *`collect` failed otherwise*: S3 failed for minutes, or a bug. Nothing is lost: its claim is taken up again by the
  next run.
* *`trigger_live` failed*: the live run failed. Look at the run of `nightjar_live` with the id of the batch; its runbook
  says the rest.
* *`trigger_live` is up for retry*: the live run failed before it began: `freeze_release` could not even write to S3.
  Mend that; it is run again every half a minute.
* *`cool_off` runs or failed*: one of the others failed. Nothing: it holds the run for a minute, so that failures do not
  spin, and then fails it.

**Parameters.** None. Which image of collect runs is in the Variable `nightjar_images`.

**Example.** `aws s3 cp cat.jpg s3://$NIGHTJAR_BUCKET/incoming/alice-porch-1763647500.jpg`

**Is a re-run safe?** Yes. Footage is claimed by version, and a batch has one live run under its own id. Clearing an old
run only waits for new footage, as the next run does anyway; clearing its `trigger_live` alone waits for the live run of
then, which is run again if it has ended.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from nightjar.domain.layout import INCOMING, LIVE, STARTED, WATCH, run_name
from operators.cool_off import CoolOffOperator
from operators.footage import FootageSensor
from operators.hand_over import HandOverOperator
from operators.release import stage_image
from operators.stage import StageOperator

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
    default_args={"owner": "nightjar"},
    user_defined_filters={"image": stage_image, "run_name": run_name},
):
    wait_for_footage = FootageSensor(
        task_id="wait_for_footage",
        prefix=INCOMING,
        poke_interval=1,
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
        run_prefix=f"runs/{WATCH}/{{{{ run_id | run_name }}}}/",
        input_prefix=INCOMING,
        pinned=False,
        skip_without="batch_id",
    )
    trigger_live = HandOverOperator(
        task_id="trigger_live",
        trigger_dag_id=LIVE,
        trigger_run_id=BATCH_ID,
        conf={"batch_id": BATCH_ID},
        begun_key=f"runs/{LIVE}/{BATCH_ID}/{STARTED}",
        poke_interval=1,
    )
    cool_off = CoolOffOperator(task_id="cool_off", seconds=60)

    wait_for_footage >> collect >> trigger_live
    [wait_for_footage, collect, trigger_live] >> cool_off
