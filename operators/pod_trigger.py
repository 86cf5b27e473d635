"""Follows a pod in the triggerer, so that its task holds no worker: the same following, its log in the task's log."""

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

from operators.failures import Ended
from operators.pod_follow import Bounds, Followed, Pace, follow
from operators.pods_api import ClusterError, PodsApi


class StagePodTrigger(BaseTrigger):
    """Waits for the end of pod `name`; its event has what is `carried`, and `followed`, which `followed_of` reads.

    A triggerer that is stopped leaves the pod alone, and another one follows it from where it is. When a person ends
    the task meanwhile, Airflow calls `on_kill`, and the pod is deleted.
    """

    def __init__(
        self,
        name: str,
        namespace: str,
        container: str,
        bounds: dict[str, float],
        pace: dict[str, Any],
        connection: dict[str, Any],
        carried: dict[str, Any],
    ) -> None:
        super().__init__()
        self.name, self.namespace, self.container = name, namespace, container
        self.bounds, self.pace, self.connection, self.carried = bounds, pace, connection, carried

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it anew."""
        names = ("name", "namespace", "container", "bounds", "pace", "connection", "carried")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow the pod to its end."""
        try:
            followed = await follow(
                self._api(),
                self.name,
                self.container,
                Bounds(**self.bounds),
                self._say,
                Pace(**self.pace),
            )
        except ClusterError as error:
            problem = {"status": error.status, "reason": error.reason, "sentence": error.sentence}
            yield TriggerEvent({**self.carried, "problem": problem})
            return
        yield TriggerEvent({**self.carried, "followed": asdict(followed)})

    async def on_kill(self) -> None:
        """Delete the pod: nobody wants its work any more."""
        try:
            await self._api().delete(self.name)
        except ClusterError as error:
            self.log.warning("pod %s could not be deleted, it runs to its end: %s", self.name, error.sentence)

    def _api(self) -> PodsApi:
        return PodsApi(AsyncKubernetesHook(**self.connection), self.namespace)

    def _say(self, level: int, text: str) -> None:
        self.log.log(level, "%s", text)


def followed_of(event: dict[str, Any]) -> Followed | ClusterError:
    """How the pod ended, or why it could not be followed, of the trigger's event."""
    if problem := event.get("problem"):
        return ClusterError(**problem)
    followed = event["followed"]
    return Followed(**{**followed, "ended": Ended(**followed["ended"])})
