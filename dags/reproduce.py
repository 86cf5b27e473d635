"""
# nightjar_reproduce: a run done again, and its results compared

**Purpose.** Works the shards of a run of `nightjar_live` or `nightjar_history` again, by the same release, on the same
versions of everything that they were worked from, and says whether the results are the same: byte for byte, or by what
they differ. `nightjar reproduce RUN` starts it and prints the answer.

```text
give_inputs > pinned_again
    > for each shard, by itself:
          validate > detect > assess
    > compare_with_run
```

Everything that it writes is below `reproductions/<id>/`, where the id is the name of the run here: the stages read the
recorded versions where they are in the bucket, and write nothing else. Nobody is alerted, since `notify` is not done
again, and a failure here opens no trouble: whoever asked is waiting for the answer. What is in the folder expires by
the bucket's lifecycle rules.

**What can go wrong, and what to do**

* *`give_inputs` failed*: there is no such run, no version of its release is kept, or an image of it is not built any
  more. The log says which.
* *`compare_with_run` failed with versions that "are erased"*: footage, rules or a camera's earlier events of that time
  were removed, by `nightjar forget` or a lifecycle rule. The shards that are not concerned were done again; the answer
  says so of each.
* *a stage failed with "unrecognized arguments: --reproduction"*: the image is of a release of Nightjar before 0.3,
  which cannot work beside the stores. Such a run cannot be reproduced.
* *a stage failed otherwise*: its last log line says why. Clear it with its downstream tasks.
* *`compare_with_run` is green and the results differ*: that is an answer. The log and `answer.json` name every field.

**Parameters.** `run`: `nightjar_live/<batch id>`, `nightjar_history/<day>`, a batch id or a day. `shards`: only these.
`anew`: of a history run, compute also what it took over from earlier runs.

**Example.** `airflow dags trigger nightjar_reproduce --conf '{"run": "nightjar_history/2026-11-20"}'`

**Is a re-run safe?** Yes. A cleared run finds the same inputs and writes to the same folder.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, task_group
from chain import AFTER_EVERY_ALERT

from operators.failures import say_why
from operators.folders import REPRODUCE, reproduction_prefix, run_name
from operators.release import SHA256
from operators.reproduction import RUN_PREFIX, compare_with_run, give_inputs, pinned_again
from operators.stage import StageOperator

PLACE = reproduction_prefix("{{ run_id | run_name }}")

with DAG(
    REPRODUCE,
    doc_md=__doc__,
    description="A run done again, and its results compared",
    schedule=None,
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,  # it never runs unless somebody asks
    max_active_runs=2,
    max_active_tasks=8,
    tags=["nightjar"],
    dagrun_timeout=timedelta(hours=24),
    # It opens no trouble, which would be told to the operator: whoever asked is waiting.
    default_args={
        **AFTER_EVERY_ALERT,
        "on_failure_callback": say_why,
        "on_success_callback": None,
    },
    user_defined_filters={"run_name": run_name},
    params={
        "run": Param(type="string", minLength=1, maxLength=300, description="The run to do again, as <dag>/<run>"),
        "shards": Param(
            [], type="array", items={"type": "string"}, description="Only these shards; none here means all"
        ),
        "anew": Param(False, type="boolean", description="Compute what it took over from earlier runs as well"),
    },
):
    given: Any = give_inputs()
    pinned: Any = pinned_again(given)

    @task_group(group_id="shard")
    def each_shard(prefix: str) -> None:
        source: Any = prefix
        for stage in ("validate", "detect", "assess"):
            source = StageOperator(
                task_id=stage,
                stage=stage,
                image=pinned[stage],
                release=pinned[SHA256],
                run_prefix=pinned[RUN_PREFIX],
                input_prefix=source,
                reproduction=PLACE,
                map_index_template="{{ task.shard }}",
            ).output

    each_shard.expand(prefix=given) >> compare_with_run()
