"""The names of the DAGs and the folders of their runs, as DAG files use them: with templates in place of run names."""

from nightjar.domain.batch import BATCH_ID
from nightjar.stores.claims import CLAIMS
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.health import HEALTH
from nightjar.stores.reproductions import reproduction_prefix
from nightjar.stores.runs import (
    CANDIDATE,
    GATHER,
    HISTORY,
    LIVE,
    PATROL,
    RECONCILE,
    REPORT,
    REPRODUCE,
    WATCH,
    run_name,
    run_prefix,
    stage_prefix,
)
from nightjar.stores.troubles import TROUBLES

__all__ = [
    "BATCH_ID",
    "CANDIDATE",
    "CLAIMS",
    "GATHER",
    "HEALTH",
    "HISTORY",
    "INCOMING",
    "LIVE",
    "PATROL",
    "RECONCILE",
    "REPORT",
    "REPRODUCE",
    "TROUBLES",
    "WATCH",
    "reproduction_prefix",
    "run_name",
    "run_prefix",
    "stage_prefix",
]
