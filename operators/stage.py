"""StageOperator: one stage, run as a pod (or, in the local runtime, as a process), and proven by its manifest."""

from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any, NoReturn

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodPhase
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException
from kubernetes.client import ApiException
from kubernetes.client import models as k8s

from nightjar.domain.layout import digest, last_segment
from nightjar.domain.stages import stage_named
from nightjar.runtime.settings import StoreSettings, load
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import release_key, stage_prefix
from operators import pods
from operators.assignment import Assignment, assign, has_nothing_to_do
from operators.attempts import first_attempt
from operators.bucket import bucket
from operators.failures import Ended, end_of_pod, final_for_people, raise_for_end
from operators.local import LocalProcess, log_line
from operators.proof import check_manifest, manifest_version
from operators.settings import deployment

RESULT = "result"  # XCom: the `result` of the manifest
_STALE = "manifest_before"  # XCom: the version of the manifest before this attempt
_IMAGE = "image"  # XCom: of this attempt; after a wait in the triggerer, templates are rendered anew
_LATE = "late_in"  # task state: the start of the task in which an attempt was stopped at its time bound
_LABEL_LENGTH = 63


class StageOperator(KubernetesPodOperator):
    """Run `stage` on what is below `input_prefix`, and check the manifest it leaves.

    The output goes below `run_prefix`: `<run>/<stage>/`, for a sharded stage `<run>/<stage>/<shard>/`, where the shard
    is the last folder of `input_prefix`. Its prefix is the task's XCom; the manifest's `result` is XCom `result`.

    `release` is the SHA-256 of the run's release.json, which the stage's environment is made from; collect, which runs
    before there is a release, has none. With `skip_without`, the task is skipped after the stage when that key of its
    result is null. With `skip_at_zero`, it is skipped before the stage when that key of the result of the stage before
    it is 0: there is nothing to do, and no pod is started.

    Retries: exit codes 64 and 65 and a wrong setting of this deployment fail the task at once, a second end at its time
    bound too; everything else is tried again with back-off.
    """

    # Nothing that holds a name from outside is a template: what upstream would render (arguments, env_vars, labels)
    # is made in build_pod_request_obj, after rendering. Values from XCom are not rendered again.
    template_fields: Sequence[str] = ("image", "release", "run_prefix", "input_prefix", "day")

    def __init__(
        self,
        *,
        stage: str,
        image: str,
        run_prefix: str,
        input_prefix: str,
        release: str | None = None,
        day: str | None = None,
        skip_without: str | None = None,
        skip_at_zero: str | None = None,
        active_deadline_seconds: int | None = None,
        **kwargs: Any,
    ) -> None:
        settings, kind = deployment(), stage_named(stage)
        asked = settings.pods(stage)
        (scratch, scratch_mounts), (secrets, secret_mounts) = pods.scratch(), pods.secret_volumes(kind, settings)
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
            # A failed pod stays for whoever looks into it; upstream deletes every pod.
            "on_finish_action": "delete_succeeded_pod",
            # A cluster that scales up needs minutes for a node and the image; upstream gives up after 2.
            "startup_timeout_seconds": 600,
            # Looked at every second while it starts: small runs wait for little else.
            "startup_check_interval_seconds": 1,
            # Time to finish the object at hand after SIGTERM; the cluster's default is 30 s.
            "termination_grace_period": 60,
            # Why it did not start or was evicted is in the events; off upstream.
            "log_events_on_failure": True,
            # Each poll of the events would read all of the namespace's, for a hundred pods at once.
            "log_events_on_startup": False,
            # The spec holds the environment; upstream prints it.
            "log_pod_spec_on_failure": False,
            # Results go through S3 and the manifest: no sidecar in every pod.
            "do_xcom_push": False,
            # Where a stage could not write its termination message, its last log lines say why it ended.
            "termination_message_policy": "FallbackToLogsOnError",
            "container_name_log_prefix_enabled": False,
            "log_formatter": log_line,
            "deferrable": settings.deferrable and settings.runtime == "kubernetes",
            # An outage of a few minutes is waited out: 10, 20, 40, 80, 120 s and jitter.
            "retries": 5,
            "retry_delay": timedelta(seconds=10),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=2),
            # The pod's own deadline comes first; this ends a task whose pod the cluster cannot end.
            "execution_timeout": timedelta(seconds=settings.stage_seconds + 900),
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
        self.skip_without = skip_without
        self.skip_at_zero = skip_at_zero
        self.fixed_deadline_seconds = active_deadline_seconds
        self._assignment: Assignment | None = None
        self._process: LocalProcess | None = None
        self._context: Context | None = None

    @property
    def shard(self) -> str | None:
        """The shard this task works on; None for a stage that sees the whole batch."""
        return last_segment(self.input_prefix) if stage_named(self.stage).sharded else None

    @property
    def output_prefix(self) -> str:
        """Where the stage writes."""
        return stage_prefix(self.run_prefix, self.stage, self.shard)

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
        self.image = self._assignment.image
        self.active_deadline_seconds = self.fixed_deadline_seconds or self._assignment.seconds
        self.arguments = pods.arguments(
            self.input_prefix, self.output_prefix, release_key(self.run_prefix) if self.release else None, self.day
        )
        settings = deployment()
        secrets_dir = pods.SECRETS_DIR if settings.secret_files else None
        self.env_vars = pods.environment(
            self._assignment.settings, load(StoreSettings), self.image, run, self.shard, secrets_dir
        )
        self.priority_class_name = pods.priority_class(settings, self.stage, self.run_prefix)
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
        self._context = context
        store = bucket()
        if self.skip_at_zero and has_nothing_to_do(store, self.input_prefix, self.skip_at_zero):
            raise AirflowSkipException(f"nothing to do: {self.skip_at_zero} is 0")
        assignment = self.assign(store)
        self.log.info("time bound: %d s", self.fixed_deadline_seconds or assignment.seconds)
        stale = manifest_version(store, self.output_prefix)
        if deployment().runtime == "local":
            self._run_local(context)
        else:
            if self.deferrable:
                context["ti"].xcom_push(key=_STALE, value=stale)
                context["ti"].xcom_push(key=_IMAGE, value=assignment.image)
            super().execute(context)
        self._prove(context, store, stale)

    @final_for_people
    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> None:
        """Come back from the triggerer. Checked here and not in `cleanup`, which a vanished pod never reaches."""
        self._context = context
        super().trigger_reentry(context, event)
        ti = context["ti"]
        stale, self.image = (
            ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=ti.map_index) for key in (_STALE, _IMAGE)
        )
        self._prove(context, bucket(), stale)

    def cleanup(
        self,
        pod: k8s.V1Pod,
        remote_pod: k8s.V1Pod,
        xcom_result: dict[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        """End the task as the exit code of the stage says."""
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowException:
            # The pod that upstream hands over may be as it was before it started.
            self._fail(self._end_of(remote_pod.metadata.name, remote_pod.metadata.namespace))

    def on_kill(self) -> None:
        """Stop the process or pod."""
        if self._process is not None:
            self._process.stop()
        super().on_kill()

    def _run_local(self, context: Context) -> None:
        self._process = LocalProcess(self.build_pod_request_obj(context, dry_run=True), deployment(), self.log)
        ended = self._process.run()
        if ended.exit_code != 0:
            self._fail(ended)

    def _fail(self, ended: Ended) -> NoReturn:
        """End the task as the stage ended; remembers, over the retries of this start, that it was late."""
        assert self._context is not None
        states, start = self._context["task_state_store"], first_attempt(self._context["ti"])
        was_late = ended.late and states.get(_LATE) == start
        if ended.late:
            states.set(_LATE, start)
        raise_for_end(self.stage, ended, was_late=was_late)

    def _end_of(self, name: str, namespace: str) -> Ended:
        """How a pod that failed ended; one that has not ended is deleted.

        Left alone, it would start when its image can be pulled at last, beside the next attempt.
        """
        try:
            pod = self.hook.get_pod(name, namespace)
        except ApiException as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return Ended(None, f"pod {name} is gone from the cluster")
        if pod.status.phase not in PodPhase.terminal_states:
            self.pod_manager.delete_pod(pod)
        return end_of_pod(pod, self.base_container_name)

    def _prove(self, context: Context, store: ObjectStore, stale: str | None) -> None:
        manifest = check_manifest(
            store,
            self.output_prefix,
            stage=self.stage,
            image=str(self.image),
            run=last_segment(self.run_prefix),
            release=self.release or "",
            stale_version=stale,
        )
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
