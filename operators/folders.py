"""The names of the DAGs and the folders of their runs, as DAG files use them: with templates in place of run names."""

from nightjar.domain.batch import BATCH_ID
from nightjar.stores.claims import CLAIMS
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.runs import HISTORY, LIVE, RECONCILE, REPORT, WATCH, run_name, run_prefix, stage_prefix

__all__ = [
    "BATCH_ID",
    "CLAIMS",
    "HISTORY",
    "INCOMING",
    "LIVE",
    "RECONCILE",
    "REPORT",
    "WATCH",
    "run_name",
    "run_prefix",
    "stage_prefix",
]
