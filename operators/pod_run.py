"""One try of a stage as a pod: brought, followed, judged. What is remembered between tries is kept here, too."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowTaskTimeout
from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

from nightjar.domain.layout import digest
from nightjar.domain.manifest import Manifest
from operators.attempts import Notes, keep, notes_of
from operators.failures import Ended, StageFailedError, StageRefusedError, raise_for_end
from operators.local import Log
from operators.memory import grown
from operators.pod_follow import Bounds, Followed, Pace, follow
from operators.pod_start import NotCreatedError, bring
from operators.pod_trigger import StagePodTrigger
from operators.pods_api import ClusterError, Pod, PodsApi
from operators.settings import DeploymentSettings
from operators.stopping import Stop, StoppedError, is_still_wanted

MANIFEST_BEFORE = "nightjar/manifest-before"  # annotation: the version of the manifest when the pod was made
_DELETE_SECONDS = 30.0  # a busy API server takes its time; the patrol removes what is left all the same
_DELETE_SECONDS_STOPPED = 4.0  # Airflow kills a task 5 s after it asked it to stop
_LABELS_OF_TASK = ("dag_id", "run_id", "task_id", "map_index")  # as upstream labels its pods
_SLACK_SECONDS = 300.0  # beyond its deadline, for a pod to be seen as ended

T = TypeVar("T")
# By image and version of the manifest before; raises StageFailedError.
Prove = Callable[[str, str | None], Manifest]


@dataclass(frozen=True)
class Running:
    """A pod that is in the cluster: its name, its image, and the version of the manifest that was there before it."""

    name: str
    image: str
    stale: str | None


class PodRun:
    """The pod of one try of a task. Nothing but an end that is judged, or a person, removes it."""

    def __init__(
        self,
        context: Context,
        stage: str,
        settings: DeploymentSettings,
        connection: dict[str, Any],
        stop: Stop,
        pace: Pace,
        log: Log,
    ) -> None:
        """`connection` has the arguments of Airflow's AsyncKubernetesHook; `stop` ends every wait."""
        self._context, self._stage, self._settings = context, stage, settings
        self._connection, self._stop, self._pace, self._log = connection, stop, pace, log
        self.notes = notes_of(context)

    @property
    def name(self) -> str:
        """The name of the pod: the same in each try until the pod is judged, so that none runs twice."""
        ti: Any = self._context["ti"]
        parts = (ti.dag_id, self._context["run_id"], ti.task_id, ti.map_index, self.notes.start, self.notes.pods)
        return f"nightjar-{self._stage}-{digest('/'.join(map(str, parts)), 20)}"

    def bring(self, pod: k8s.V1Pod, container: str) -> Running:
        """Create the pod, whose stage is in `container`, or take up the one that an earlier try left."""
        left = self._settings.start_total_seconds - self.notes.waited
        body = ApiClient().sanitize_for_serialization(pod)
        try:
            found = self._run(self._bring(body, min(self._settings.start_seconds, left)), pod.metadata.name)
        except NotCreatedError as error:
            self._not_started(str(error), error.waited)
        annotations = found["metadata"].get("annotations") or {}
        [image] = [each["image"] for each in found["spec"]["containers"] if each["name"] == container]
        # Its digest, which the cluster starts it by, is none of its name: stages write the name into their manifests.
        return Running(pod.metadata.name, image.partition("@")[0], annotations.get(MANIFEST_BEFORE) or None)

    def bounds(self, pod: k8s.V1Pod) -> Bounds:
        """How long the pod may take."""
        left = self._settings.start_total_seconds - self.notes.waited
        grace = pod.spec.termination_grace_period_seconds + self._pace.rest_of_log
        return Bounds(
            start=max(1.0, min(self._settings.start_seconds, left)),
            work=pod.spec.active_deadline_seconds + grace + _SLACK_SECONDS,
            grace=grace,
        )

    def follow(self, name: str, container: str, bounds: Bounds) -> Followed:
        """Wait for the end of the pod in this process."""
        return self._run(follow(self._api(), name, container, bounds, self._say, self._pace), name)

    def trigger(self, running: Running, container: str, bounds: Bounds, memory: str) -> StagePodTrigger:
        """The same in the triggerer; what `judge` needs besides comes back with the event."""
        return StagePodTrigger(
            running.name,
            self._settings.namespace,
            container,
            bounds=asdict(bounds),
            pace=asdict(self._pace),
            connection=self._connection,
            carried={"running": asdict(running), "memory": memory},
        )

    def judge(self, running: Running, followed: Followed, prove: Prove, memory: str) -> Manifest:
        """End the try as its pod ended; a good end is proven, and its pod removed. Returns the proof.

        A pod that is gone, or ended without an error at its deadline, may have done its work: the manifest decides.
        Raises StageFailedError or StageRefusedError.
        """
        ended = followed.ended
        if ended.exit_code in (0, None):
            try:
                manifest = prove(running.image, running.stale)
            except StageFailedError:
                if ended.exit_code == 0 and not ended.late:
                    self._judged()
                    raise
            else:
                self._delete(running.name)
                return manifest
        if not followed.started:
            self._delete(running.name)
            return self._not_started(ended.sentence, followed.waited)
        if followed.unfinished:
            self._delete(running.name)  # else it might go on beside the next one
        return self._failed(ended, memory)

    def lost(self, name: str, error: ClusterError) -> NoReturn:
        """End the try whose pod cannot be followed; the pod is left alone, and a later try takes it up."""
        kind = StageFailedError if error.passes else StageRefusedError
        raise kind(f"pod {name} cannot be followed: {error.sentence}") from None

    def _failed(self, ended: Ended, memory: str) -> NoReturn:
        """End the try as the stage ended, and remember what the next one has to know."""
        was_late = self.notes.late
        more = (
            grown(memory, self._settings.memory_growth, self._settings.memory_most) if ended.out_of_memory else memory
        )
        self._judged(late=was_late or ended.late, **({"memory": more} if more != memory else {}))
        if more != memory:
            self._say(logging.WARNING, f"it ran out of memory with {memory}: the next try gets {more}")
        raise_for_end(self._stage, ended, was_late=was_late)

    def _not_started(self, sentence: str, waited: float) -> NoReturn:
        """End the try whose pod did not start."""
        total = self.notes.waited + waited
        self._judged(waited=total)
        message = f"stage {self._stage} did not start: {sentence}"
        if total >= self._settings.start_total_seconds:
            raise StageRefusedError(
                f"{message} (for {total:.0f} s over all tries, NIGHTJAR_START_TOTAL_SECONDS)"
            ) from None
        raise StageFailedError(message) from None

    def _judged(self, **changes: Any) -> None:
        """The next try has another pod."""
        self.notes = Notes.model_validate(self.notes.model_dump() | changes | {"pods": self.notes.pods + 1})
        keep(self._context, self.notes)

    async def _bring(self, body: Pod, seconds: float) -> Pod:
        api = self._api()
        if self.notes.start > 1 and self.notes.pods == 0:
            await self._remove_earlier(api, body)
        return await bring(api, body, seconds, self._say, self._pace)

    async def _remove_earlier(self, api: PodsApi, body: Pod) -> None:
        """Remove what runs for this task since before it was cleared: it works by another release."""
        labels = body["metadata"]["labels"]
        of_task = [f"{name}={labels[name]}" for name in _LABELS_OF_TASK if name in labels]
        try:
            for pod in await api.select(",".join(of_task)):
                phase = (pod.get("status") or {}).get("phase")
                if pod["metadata"]["name"] != body["metadata"]["name"] and phase in ("Pending", "Running"):
                    self._say(logging.INFO, f"deleting pod {pod['metadata']['name']} of an earlier start of this task")
                    await api.delete(pod["metadata"]["name"])
        except ClusterError as error:
            self._say(logging.WARNING, f"pods of an earlier start could not be removed: {error.sentence}")

    def _run(self, work: Coroutine[Any, Any, T], name: str) -> T:
        """Run what waits for the cluster. When Airflow is stopped meanwhile, the pod goes on and is taken up later."""
        try:
            return self._stop.run(work)
        except ClusterError as error:
            self.lost(name, error)
        except StoppedError:
            if is_still_wanted(self._context):
                self._say(logging.WARNING, f"Airflow is being stopped: pod {name} goes on, this task takes it up again")
                raise AirflowRescheduleException(datetime.now(UTC)) from None
            self._delete(name, _DELETE_SECONDS_STOPPED)
            raise StageFailedError(f"stage {self._stage} was stopped: the task was ended in Airflow") from None
        except AirflowTaskTimeout:
            self._delete(name)
            self._judged()
            raise

    def _delete(self, name: str, seconds: float = _DELETE_SECONDS) -> None:
        """Delete a pod; where that fails, it is said, and the patrol does it later."""
        try:
            asyncio.run(_within(self._api().delete(name), seconds))
        except (ClusterError, TimeoutError) as error:
            why = str(error) or f"no answer in {seconds:.0f} s"
            self._say(logging.WARNING, f"pod {name} could not be deleted: {why}")

    def _api(self) -> PodsApi:
        return PodsApi(AsyncKubernetesHook(**self._connection), self._settings.namespace)

    def _say(self, level: int, text: str) -> None:
        self._log.log(level, "%s", text)


async def _within(work: Coroutine[Any, Any, None], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await work
