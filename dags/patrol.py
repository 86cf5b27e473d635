"""
# nightjar_patrol: cameras in trouble, digests, and what else is due

**Purpose.** Sees which cameras are in trouble (covered, void, frozen, silent, with a wrong clock, or with most of their
footage refused) and tells their users; tells the operator of trouble with Nightjar itself; sends the daily digests that
are due, and the closing messages of events that are over. It starts every 5 minutes, and when a live run has updated
the Asset `nightjar_day`, so that a covered lens is told at once. One run at a time. It gives way to every alert.

```text
look_for_watch  > freeze_release > survey > tell
remove_old_pods
```

`look_for_watch` sees whether `nightjar_watch` looks for footage, by the sign that it leaves each minute, and opens the
operator's trouble if it does not.

`remove_old_pods`, on a cluster, removes the pods of stages that failed `NIGHTJAR_KEEP_FAILED_HOURS` ago.

`survey` counts what live runs that ended saw of each camera (`health/`), and looks at the cameras that are due to have
sent something. `tell` sends what is due, by the channels and the ledger of alerts: claimed before it is sent, recorded
after. The cost of both follows what is new, whatever the number of cameras and users.

**What can go wrong, and what to do**

* *`look_for_watch` failed*: S3 cannot be reached or refuses. Mend it; the next run makes up for it.
* *`freeze_release` failed*: the Variable `nightjar_images` or a setting of a stage is wrong, an image is not built, or
  the rules are wrong and there are no good ones. The log names it. Correct it; the next run makes up for it.
* *`survey` failed*: S3 failed for minutes, or a bug. Nothing is lost: live runs wait to be counted, the next run counts
  them.
* *`survey` failed, exit code 65*: an object below `health/` or `troubles/` cannot be read. The log names it. Restore an
  earlier version of it, or delete it: what was remembered of that camera then begins anew.
* *`tell` failed, exit code 75*: the mail API, or another channel, takes nothing for now. The next run tells it again.
* *`tell` failed, exit code 64*: a channel refuses the key, the sender or its address. The last log line says which.
  Mend it; the next run tells everything. Other channels have sent theirs.
* *a camera is said to be silent and is not*: `nightjar cameras --camera alice-porch` says how long it was waited for.
  Its footage lands elsewhere, or `nightjar_watch` does not collect it: look at `nightjar status`.

**Parameters.** None. The limits are settings (`NIGHTJAR_VOID_PICTURES` and so on, in docs/settings.md).

**Example.** `airflow dags trigger nightjar_patrol`

**Is a re-run safe?** Yes. A run is counted once and a trouble told once, also when a task was stopped midway.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable
from chain import AFTER_EVERY_ALERT, DAY, stage_task

from operators.folders import HEALTH, PATROL, TROUBLES, run_name, run_prefix
from operators.old_pods import remove_old_pods
from operators.release import freeze_release
from operators.settings import deployment
from operators.trouble import watched
from operators.watch_sign import look_for_watch

RUN = run_prefix(PATROL, "{{ run_id | run_name }}")

with DAG(
    PATROL,
    doc_md=__doc__,
    description="Cameras in trouble, digests, and what else is due",
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("*/5 * * * *", timezone="UTC"), assets=[DAY]),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["nightjar"],
    **watched(late=timedelta(minutes=30)),
    default_args=AFTER_EVERY_ALERT,
    user_defined_filters={"run_name": run_name},
):
    frozen = freeze_release(RUN)
    look_for_watch() >> frozen
    if deployment().runtime == "kubernetes":
        remove_old_pods() >> frozen
    # Both find what is new by themselves.
    survey = stage_task("survey", frozen, RUN, HEALTH)
    # The next run sends whatever could not be sent: trying for long would only hold up the next survey.
    survey >> stage_task("tell", frozen, RUN, TROUBLES, retries=1)
