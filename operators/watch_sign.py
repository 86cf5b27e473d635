"""Whether nightjar_watch looks for footage, by the signs that it leaves; also when the triggerer is dead."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import task

from nightjar.domain.operator_troubles import OperatorKind, watch_silent
from nightjar.domain.troubles import OPERATOR
from nightjar.runtime.store import ObjectStore
from nightjar.stores.operator_signs import OperatorSigns
from nightjar.stores.troubles import Troubles
from operators import metrics
from operators.bucket import bucket
from operators.settings import deployment


@task
def look_for_watch() -> None:
    """Open or end the trouble that the watch has not looked for `NIGHTJAR_WATCH_SILENT_SECONDS`; set the metrics."""
    store = bucket()
    note_watch(store, datetime.now(UTC), timedelta(seconds=deployment().watch_silent_seconds))
    metrics.tell(Troubles(store).open_kinds(metrics.MOST))


def note_watch(store: ObjectStore, now: datetime, most: timedelta) -> None:
    """Open or end the trouble that the watch has not looked for longer than `most`."""
    since = OperatorSigns(store).watch_silent_since(now, most)
    if since is None:
        Troubles(store).end(OPERATOR, OperatorKind.WATCH_SILENT, now)
    else:
        Troubles(store).open(watch_silent(since, now))
