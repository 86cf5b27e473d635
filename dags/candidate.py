"""
# nightjar_candidate: a candidate detector beside the deployed one

**Purpose.** Has a candidate detector look at the pictures that the deployed one has looked at, and compares both:
objects, events and alerts gained and lost. It starts when a live run has ended and the Variable `nightjar_images`
names a `detect_candidate`; by a run of `nightjar_history` whose conf names one; or by hand. One run at a time, two
tasks at once, after everything else: the candidate alerts nobody and delays no alert, and whether it crashes or hangs,
the deployed chain is not touched. Without a candidate it does not start.

```text
freeze_candidate > gather
    > for each shard, by itself:
          detect
    > compare
close_candidate, always last
```

`gather` takes the pictures of the live and history runs that ended since its last run, or those of one day, leaves out
what the candidate knows already, and cuts them into shards. The candidate's detections go to the same store as those of
any detector, under its own id: once it is promoted, nothing of it is computed again.

**What can go wrong, and what to do**

* *`freeze_candidate` failed*: the tag is none, or its image is not built. The log names it. Correct the Variable, or
  the conf of the run.
* *`gather` failed, exit code 65*: nothing is deployed yet, or a list of pictures cannot be read. The log names it.
* *`detect` failed*: the candidate crashed, ran out of memory or hung, on the pictures of that camera. `compare` says so
  on the page. It is tried once more, and not again by later runs; clear the task to have it looked at again.
* *`compare` failed, exit code 65*: stored detections, reviews or rules cannot be read. The log names the object.

**Parameters.** In the run's conf: `detect_candidate`, the tag of an image `detect` (default: that of the Variable), and
`day`, a UTC day (default: what is new).

**Example.** `airflow dags trigger nightjar_candidate --conf '{"detect_candidate": "1.4.0-oid", "day": "2026-11-20"}'`

**Is a re-run safe?** Yes. Pictures that the candidate knows are not looked at again, and a comparison that says the
same is not written again.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task_group
from chain import AFTER_EVERY_ALERT, CANDIDATE_DUE, stage_task

from operators.candidate import CAMERAS, TAG, close_candidate, freeze_candidate, gather
from operators.folders import CANDIDATE, GATHER, run_name, run_prefix, stage_prefix
from operators.release import SHA256
from operators.trouble import watched

RUN = run_prefix(CANDIDATE, "{{ run_id | run_name }}")

with DAG(
    CANDIDATE,
    doc_md=__doc__,
    description="A candidate detector beside the deployed one, and both compared",
    schedule=[CANDIDATE_DUE],
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=2,
    is_paused_upon_creation=False,  # it does nothing before somebody names a candidate
    tags=["nightjar"],
    **watched(late=timedelta(hours=6), queued_counts=False),
    default_args=AFTER_EVERY_ALERT,
    user_defined_filters={"run_name": run_name},
    params={
        TAG: Param(
            "",
            type="string",
            pattern=r"^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?\Z",
            description="The tag of an image detect; empty for the one in the Variable nightjar_images",
        ),
        "day": Param(
            "",
            type="string",
            pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?\Z",
            description="A UTC day; empty for whatever is new",
        ),
    },
):
    frozen: Any = freeze_candidate(RUN, f"{{{{ params.{TAG} }}}}")
    gathered = gather(RUN, frozen[SHA256], frozen[TAG], "{{ params.day }}")

    # A candidate that crashes is tried once more, in case the node was at fault.
    @task_group(group_id="shard")
    def each_shard(prefix: str) -> None:
        stage_task("detect", frozen, RUN, prefix, map_index_template="{{ task.shard }}", retries=1)

    detected = each_shard.expand(prefix=gathered)
    compare = stage_task(
        "compare",
        frozen,
        RUN,
        stage_prefix(RUN, GATHER),
        skip_at_zero=CAMERAS,
        trigger_rule="all_done_min_one_success",
    )
    [gathered, detected] >> compare >> close_candidate(RUN)
