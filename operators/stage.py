"""StageOperator: one stage, run as a pod (or, in the local runtime, as a process), and proven by its manifest."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException
from kubernetes.client import models as k8s

from nightjar.domain.layout import digest, last_segment
from nightjar.domain.manifest import Manifest, TaskRef
from nightjar.domain.stages import stage_named
from nightjar.runtime.overlay import open_overlay
from nightjar.runtime.settings import StoreSettings, load
from nightjar.runtime.store import ObjectStore
from nightjar.stores.reproductions import shard_place
from nightjar.stores.runs import Runs, release_key, stage_prefix
from operators import pods
from operators.assignment import Assignment, assign, has_nothing_to_do
from operators.attempts import keep, notes_of
from operators.bucket import bucket
from operators.cluster_connection import connection_to
from operators.failures import final_for_people, raise_for_end
from operators.local import LocalProcess, needs_no_pod
from operators.pod_follow import Pace
from operators.pod_run import MANIFEST_BEFORE, PodRun, Running
from operators.pod_trigger import followed_of
from operators.pods_api import ClusterError
from operators.proof import check_manifest, manifest_version
from operators.settings import deployment
from operators.stopping import Stop

RESULT = "result"  # XCom: the `result` of the manifest
_LABEL_LENGTH = 63


class StageOperator(KubernetesPodOperator):
    """Run `stage` on what is below `input_prefix`, and check the manifest it leaves.

    The output goes below `run_prefix`: `<run>/<stage>/`, for a sharded stage `<run>/<stage>/<shard>/`, where the shard
    is the last folder of `input_prefix`. Its prefix is the task's XCom; the manifest's `result` is XCom `result`.

    `release` is the SHA-256 of the run's release.json, which the stage's environment is made from; collect, which runs
    before there is a release, has none. With `skip_without`, the task is skipped after the stage when that key of its
    result is null. With `skip_at_zero`, it is skipped before the stage when that key of the result of the stage before
    it is 0: there is nothing to do, and no pod is started.

    With `reproduction`, the prefix of a reproduction, a stage of a shard works in the overlay of its shard there: it
    reads only what it is given, and writes nowhere else. So does this task, which finds its output there.

    Retries: exit codes 64 and 65 and a wrong setting of this deployment fail the task at once, a second end at its time
    bound too; everything else is tried again with back-off.
    """

    pace = Pace()

    # Nothing that holds a name from outside is a template: what upstream would render (arguments, env_vars, labels)
    # is made in build_pod_request_obj, after rendering. Values from XCom are not rendered again.
    template_fields: Sequence[str] = ("image", "release", "run_prefix", "input_prefix", "day", "reproduction")

    def __init__(
        self,
        *,
        stage: str,
        image: str,
        run_prefix: str,
        input_prefix: str,
        release: str | None = None,
        day: str | None = None,
        reproduction: str | None = None,
        skip_without: str | None = None,
        skip_at_zero: str | None = None,
        active_deadline_seconds: int | None = None,
        **kwargs: Any,
    ) -> None:
        settings, kind = deployment(), stage_named(stage)
        asked = settings.pods(stage)
        (scratch, scratch_mounts), (secrets, secret_mounts) = pods.scratch(asked), pods.secret_volumes(kind, settings)
        defaults: dict[str, Any] = {
            "name": f"nightjar-{stage}",
            "namespace": settings.namespace,
            "cmds": pods.command(kind),
            "env_from": pods.secret_sources(kind, settings),
            "volumes": scratch + secrets,
            "volume_mounts": scratch_mounts + secret_mounts,
            "container_resources": pods.resources(kind, asked),
            "node_selector": dict(asked.node_selector),
            "tolerations": pods.tolerations(asked),
            "security_context": pods.pod_security(),
            "container_security_context": pods.container_security(),
            "service_account_name": asked.service_account or settings.stage_service_account,
            # A stage talks to S3 and the mail API, never to the cluster.
            "automount_service_account_token": False,
            "pod_template_dict": pods.template(settings),
            "image_pull_secrets": (
                [k8s.V1LocalObjectReference(name=settings.image_pull_secret)] if settings.image_pull_secret else None
            ),
            "image_pull_policy": settings.image_pull_policy,
            # Time to finish the object at hand after SIGTERM; the cluster's default is 30 s.
            "termination_grace_period": 60,
            # Results go through S3 and the manifest: no sidecar in every pod.
            "do_xcom_push": False,
            # Where a stage could not write its termination message, its last log lines say why it ended.
            "termination_message_policy": "FallbackToLogsOnError",
            "deferrable": settings.deferrable and settings.runtime == "kubernetes",
            # An outage of a few minutes is waited out: 10, 20, 40, 80, 120 s and jitter.
            "retries": 5,
            "retry_delay": timedelta(seconds=10),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=2),
            # Tries that belong together have pods of one name, so that none runs twice: see pod_run.
            "random_name_suffix": False,
            # The bounds of the pod come first; this ends a task that hangs.
            "execution_timeout": timedelta(seconds=2 * settings.start_seconds + settings.stage_seconds + 900),
            "max_active_tis_per_dag": asked.parallel,
            **({"pool": asked.pool} if asked.pool else {}),
        }
        super().__init__(**(defaults | kwargs))
        self.stage = stage
        self.image = image
        self.release = release
        self.run_prefix = run_prefix
        self.input_prefix = input_prefix
        self.day = day
        self.reproduction = reproduction
        self.skip_without = skip_without
        self.skip_at_zero = skip_at_zero
        self.fixed_deadline_seconds = active_deadline_seconds
        self._assignment: Assignment | None = None
        self._process: LocalProcess | None = None
        self._stop = Stop()

    @property
    def shard(self) -> str | None:
        """The shard this task works on; None for a stage that sees the whole batch."""
        return last_segment(self.input_prefix) if stage_named(self.stage).sharded else None

    @property
    def output_prefix(self) -> str:
        """Where the stage writes."""
        return stage_prefix(self.run_prefix, self.stage, self.shard)

    @property
    def place(self) -> str | None:
        """The prefix of the overlay that the stage works in; None for the bucket itself."""
        return shard_place(self.reproduction, self.shard) if self.reproduction and self.shard else None

    def store(self) -> ObjectStore:
        """The bucket as the stage sees it; raises InputError when the overlay was given nothing."""
        return open_overlay(bucket(), self.place) if self.place else bucket()

    def assign(self, store: ObjectStore) -> Assignment:
        """Take the image, settings and time bound of this attempt from `store`; done before the pod is built.

        Raises UsageError when the run is pinned to another release by now, InputError when there is nothing below the
        input prefix.
        """
        self._assignment = assign(
            store,
            deployment(),
            stage_named(self.stage),
            image=str(self.image),
            run_prefix=self.run_prefix,
            input_prefix=self.input_prefix,
            release=self.release,
        )
        return self._assignment

    def build_pod_request_obj(self, context: Context | None = None, *, dry_run: bool = False) -> k8s.V1Pod:
        """The pod of this task, the same for both runtimes.

        Raises UsageError for a prefix or day that is not safe in a command line.
        """
        assert self._assignment is not None, "expected assign() to be called first"
        run = last_segment(self.run_prefix)
        # By its content, so that whatever is pushed under its tag later is not run. On this machine, a tag is a folder.
        without_pod = needs_no_pod(settings := deployment(), self.stage, self._assignment.image)
        self.image = self._assignment.image if without_pod else self._assignment.pinned_image
        self.active_deadline_seconds = self.fixed_deadline_seconds or self._assignment.seconds
        self.arguments = pods.arguments(
            self.input_prefix,
            self.output_prefix,
            release_key(self.run_prefix) if self.release else None,
            self.day,
            self.place,
        )
        secrets_dir = pods.SECRETS_DIR if settings.secret_files else None
        self.env_vars = pods.environment(
            self._assignment.settings,
            load(StoreSettings),
            self._assignment.image,
            run,
            self.shard,
            secrets_dir,
            self._task(context) if context else None,
        )
        self.priority_class_name = pods.priority_class(settings, self.stage, self.place or self.run_prefix)
        self.labels = settings.pod_labels | {
            "app.kubernetes.io/part-of": "nightjar",
            "nightjar/stage": self.stage,
            "nightjar/run": _label(run),
        }
        self.annotations = dict(settings.pod_annotations)
        if self.shard:
            # A name from outside may be an annotation, which nothing selects by, and never a label.
            self.labels["nightjar/shard"] = digest(self.shard)
            self.annotations["nightjar/shard"] = self.shard
        pod = super().build_pod_request_obj(context, dry_run=dry_run)
        # Else every Service of the namespace would be in the environment of every stage.
        pod.spec.enable_service_links = False
        return pod

    @final_for_people
    def execute(self, context: Context) -> None:
        """Run the stage to its end, or defer until it is there."""
        store = self.store()
        if self.skip_at_zero and has_nothing_to_do(store, self.input_prefix, self.skip_at_zero):
            raise AirflowSkipException(f"nothing to do: {self.skip_at_zero} is 0")
        assignment = self.assign(store)
        self.log.info("time bound: %d s", self.fixed_deadline_seconds or assignment.seconds)
        stale = manifest_version(store, self.output_prefix)
        if needs_no_pod(deployment(), self.stage, assignment.image):
            self._run_local(context)
            manifest = self._prove(assignment.image, stale)
        else:
            manifest = self._run_pod(context, stale)
        self._leave(context, manifest)

    @final_for_people
    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> None:
        """Come back from the triggerer, when the pod has ended."""
        run, running = self._pod_run(context), Running(**event["running"])
        followed = followed_of(event)
        if isinstance(followed, ClusterError):
            run.lost(running.name, followed)
        self._leave(context, run.judge(running, followed, self._prove, event["memory"]))

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """For Airflow's OpenLineage provider: an OperatorLineage of the task; an empty one where there is no proof.

        The provider asks for it, and only where a transport is configured.
        """
        from operators.openlineage import lineage_of_stage  # the provider and its client: half a second for each task

        run = Runs(bucket()).at(self.run_prefix)
        release = None if self.reproduction else self.release or ""
        return lineage_of_stage(
            bucket(), self.output_prefix, run, self.shard, release, deployment().openlineage_datasets
        )

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> Any:
        """Nothing: the manifest, if there is one, is of another try."""
        from airflow.providers.openlineage.extractors import OperatorLineage

        return OperatorLineage()  # for None, the provider would warn

    def on_kill(self) -> None:
        """Stop the process, or the wait for the pod. It is decided after that whether the pod is to go on."""
        if self._process is not None:
            self._process.stop()
        self._stop.ask()

    def _run_pod(self, context: Context, stale: str | None) -> Manifest:
        run = self._pod_run(context)
        self.name = run.name
        kind, asked = stage_named(self.stage), deployment().pods(self.stage)
        memory = run.notes.memory or asked.memory or kind.memory
        self.container_resources = pods.with_memory(memory, kind, asked)
        pod = self.build_pod_request_obj(context, dry_run=True)
        pod.metadata.annotations[MANIFEST_BEFORE] = stale or ""
        bounds = run.bounds(pod)
        running = run.bring(pod, self.base_container_name)
        for key, value in (("pod_name", running.name), ("pod_namespace", self.namespace)):
            context["ti"].xcom_push(key=key, value=value)
        if self.deferrable:
            trigger = run.trigger(running, self.base_container_name, bounds, memory)
            self.defer(trigger=trigger, method_name="trigger_reentry")
        followed = run.follow(running.name, self.base_container_name, bounds)
        return run.judge(running, followed, self._prove, memory)

    def _pod_run(self, context: Context) -> PodRun:
        connection = connection_to(self.kubernetes_conn_id)
        return PodRun(context, self.stage, deployment(), connection, self._stop, self.pace, self.log)

    def _task(self, context: Context) -> TaskRef:
        """The try that the stage runs for: its manifest tells it, so that its log is found."""
        ti = context["ti"]
        return TaskRef(
            dag_id=ti.dag_id,
            run_id=context["run_id"],
            task_id=ti.task_id,
            map_index=ti.map_index if ti.map_index is not None else -1,
            try_number=ti.try_number,
            pod=None if needs_no_pod(deployment(), self.stage, str(self.image)) else self.name,
        )

    def _run_local(self, context: Context) -> None:
        self._process = LocalProcess(self.build_pod_request_obj(context, dry_run=True), deployment(), self.log)
        ended = self._process.run()
        if ended.exit_code != 0:
            notes = notes_of(context)
            keep(context, notes.model_copy(update={"late": notes.late or ended.late}))
            raise_for_end(self.stage, ended, was_late=notes.late)

    def _prove(self, image: str, stale: str | None) -> Manifest:
        """The manifest that proves the work of `image`; raises StageFailedError when there is none."""
        return check_manifest(
            self.store(),
            self.output_prefix,
            stage=self.stage,
            image=image,
            run=last_segment(self.run_prefix),
            release=self.release or "",
            stale_version=stale,
        )

    def _leave(self, context: Context, manifest: Manifest) -> None:
        """Leave the result to the tasks that follow; raises AirflowSkipException when they have nothing to do."""
        for warning in manifest.warnings:
            self.log.warning("%s", warning)
        counts = manifest.counts
        self.log.info("proven: %d received, %s; %.1f s", counts.received, counts.outcomes, manifest.seconds)
        ti = context["ti"]
        ti.xcom_push(key=RESULT, value=manifest.result)
        ti.xcom_push(key="return_value", value=self.output_prefix)  # do_xcom_push is off: what we return is dropped
        if self.skip_without and manifest.result.get(self.skip_without) is None:
            raise AirflowSkipException(f"nothing to do: {self.skip_without} is null")


def _label(name: str) -> str:
    """A name of our own as the value of a label: as it is when it may be one, else hashed."""
    allowed = name.replace("-", "").replace("_", "").replace(".", "").isalnum() and name.isascii()
    whole = allowed and name[0].isalnum() and name[-1].isalnum() and len(name) <= _LABEL_LENGTH
    return name if whole else digest(name)
