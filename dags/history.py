"""
# nightjar_history: one day, swept up and recorded

**Purpose.** Runs the chain over everything filed for one UTC day: footage that arrived late, shards that failed, and,
in a backfill, the past. Records the day anew and puts the day's stored lines together. What the same detector already
saw is not computed again, and an event older than `NIGHTJAR_ALERT_MAX_AGE` (6 hours) alerts nobody.

```text
freeze_release > select > plan_shards
    > for each shard, by itself:
          validate > detect > assess > notify
    > reconcile > record
rules_in_force, after freeze_release
try_candidate, after record, if the conf asks
close_run, always last
```

**What can go wrong, and what to do.** As in `nightjar_live`, whose runbook says it, and:

* *tasks fail with `data_interval_start` undefined*: the run was triggered without a logical date. Use a backfill, or
  trigger it with a logical date of **the day after** the day: a run by hand is over the last day that was whole then.
* *`freeze_release` failed: "run … is working on"* the day: two runs over one day, one by hand and one by schedule,
  would write to the same places. Wait for the end of the other; clear this one if there is something left to do.
* *a camera was renamed or taken out of the rules*: nothing to do. What was valid stays so, its events too, and the run
  warns; only what nobody judged under the old rules is refused as `unknown-camera`.
* *a day has fewer pictures than expected*: they arrived after the run. Clear the day's run: only the late pictures
  cost anything.

**Parameters.** The day is the start of the run's data interval. `{"look": "everything"}` in the run's conf has the
detector look at every picture of the day that it has not looked at, whatever `NIGHTJAR_LOOK` says; the run keeps it
when it is cleared. `{"detect_candidate": "<tag>"}` triggers `nightjar_candidate` over the day once it is recorded, so
that another detector is compared with the deployed one.

**Example.** `nightjar backfill --from 2026-11-01 --to 2026-11-07` runs the days that have not run, and names those that
have; with `--redo` these run again, and with `--look-at-everything` every picture is looked at. To use another detector
on the past, set its tag in the Variable `nightjar_images` first; each run is pinned to the release that is current when
it starts.

**Is a re-run safe?** Yes. The same footage, detector and rules give the same detections, events and rows; a cleared
run is pinned anew. (Airflow's own `backfill create --reprocess-behavior completed` needs PostgreSQL.)
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable
from chain import DEFAULTS, MAX_ACTIVE_TASKS, NEAREST_TO_AN_ALERT_FIRST, RETRIES, chain

from operators.candidate import TAG, TryCandidateOperator
from operators.folders import CANDIDATE, HISTORY, run_prefix
from operators.release import SHA256, freeze_release
from operators.shards import select
from operators.trouble import watched

DAY = "{{ data_interval_start | ds }}"  # run ids of backfills are not stable, the day is
RUN = run_prefix(HISTORY, DAY)
CANDIDATE_TAG = f"{{{{ (dag_run.conf or {{}}).get('{TAG}', '') }}}}"
LOOK = "{{ (dag_run.conf or {}).get('look', '') }}"

with DAG(
    HISTORY,
    doc_md=__doc__,
    description="One day, swept up and recorded",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=2,
    max_active_tasks=MAX_ACTIVE_TASKS,
    tags=["nightjar"],
    **watched(late=timedelta(hours=6), queued_counts=False),
    default_args={
        **DEFAULTS,
        "execution_timeout": timedelta(minutes=30),
        "priority_weight": 1,  # after every live run
        **NEAREST_TO_AN_ALERT_FIRST,
        **RETRIES,
    },
):
    frozen: Any = freeze_release(RUN, LOOK)
    selected = select(RUN, DAY, frozen[SHA256])
    recorded = chain(frozen, RUN, after=selected, day=DAY)
    recorded >> TryCandidateOperator(
        task_id="try_candidate", trigger_dag_id=CANDIDATE, conf={TAG: CANDIDATE_TAG, "day": DAY}
    )
