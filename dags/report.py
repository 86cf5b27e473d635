"""
# nightjar_report: the pages of days that have news

**Purpose.** Makes the page of every day for which a run has recorded rows since its page was made. It starts when a
run of `nightjar_live` or `nightjar_history` updates the Asset `nightjar_day`, and at 00:05 UTC, which also makes up
for what a failed run left. One run at a time: what is recorded while it runs is reported by the next run. It is last
in line for workers, and no alert waits for it.

```text
freeze_release > report
```

**What can go wrong, and what to do**

* *`freeze_release` failed*: the Variable `nightjar_images` or a setting of a stage is wrong, an image is not built, or
  the rules are wrong and there are no good ones. The log names it. Correct it; the next run reports everything.
* *`report` failed, exit code 65*: the rows of some day cannot be read. The log names the day and the object; the pages
  of all other days were made. That day is tried again by every later run.
* *`report` failed otherwise*: S3 failed for minutes, or a bug. Nothing is lost: the news stay, and the next run, or
  clearing this one, reports them.

**Parameters.** None.

**Example.** `airflow dags trigger nightjar_report`

**Is a re-run safe?** Yes. A page is made from the rows alone; without news nothing is done.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable
from chain import AFTER_EVERY_ALERT, DAY, stage_task

from operators.folders import REPORT, run_name, run_prefix
from operators.release import freeze_release
from operators.trouble import watched

RUN = run_prefix(REPORT, "{{ run_id | run_name }}")

with DAG(
    REPORT,
    doc_md=__doc__,
    description="The pages of days that have news",
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("5 0 * * *", timezone="UTC"), assets=[DAY]),
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["nightjar"],
    **watched(late=timedelta(hours=1)),
    default_args=AFTER_EVERY_ALERT,
    user_defined_filters={"run_name": run_name},
):
    frozen = freeze_release(RUN)
    # It finds the news by itself; below its input prefix there is only the release.
    stage_task("report", frozen, RUN, RUN)
