"""Removes the pods of stages that ended long ago: failed ones stay for a while, for whoever looks into them."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.sdk import task

from operators.cluster_connection import DEFAULT, connection_to
from operators.pods import PART_OF
from operators.pods_api import ClusterError, Pod, PodsApi
from operators.settings import deployment

log = logging.getLogger(__name__)

# A task that waits for its next try may still want to see how its pod ended. One that succeeded is there only when its
# removal failed.
_LEAST = timedelta(minutes=15)


@task
def remove_old_pods() -> None:
    """Remove what ended `NIGHTJAR_KEEP_FAILED_HOURS` ago; where the cluster cannot be reached, the next run does it."""
    settings = deployment()
    hook = AsyncKubernetesHook(**connection_to(DEFAULT))
    keep = max(_LEAST, timedelta(hours=settings.keep_failed_hours))
    try:
        asyncio.run(remove(PodsApi(hook, settings.namespace), datetime.now(UTC), keep))
    except ClusterError as error:
        log.warning("pods of stages that ended could not be removed: %s", error.sentence)


async def remove(api: PodsApi, now: datetime, keep_failed: timedelta) -> None:
    """Remove the pods of stages that failed so long ago, and those that succeeded; raises ClusterError."""
    for phase, keep in (("Failed", keep_failed), ("Succeeded", _LEAST)):
        for name in ended_before(await api.select(PART_OF, f"status.phase={phase}"), now - keep):
            await api.delete(name)
            log.info("removed pod %s", name)


def ended_before(pods: Iterable[Pod], before: datetime) -> list[str]:
    """The names of the pods that ended before then; one that never ran ended when it began."""
    return [pod["metadata"]["name"] for pod in pods if _ended_at(pod) < before]


def _ended_at(pod: Pod) -> datetime:
    states = [each.get("state") or {} for each in (pod.get("status") or {}).get("containerStatuses") or []]
    times = [state["terminated"].get("finishedAt") for state in states if state.get("terminated")]
    return max(datetime.fromisoformat(time) for time in [pod["metadata"]["creationTimestamp"], *filter(None, times)])
