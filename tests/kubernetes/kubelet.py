"""Runs pods: one thread and one process each, with the states, messages and exit codes of a real kubelet."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from os import killpg
from pathlib import Path

from tests.kubernetes import status
from tests.kubernetes.environment import Bundles, ConfigError, base_environment, container_environment, expand
from tests.kubernetes.errors import ApiError, not_found
from tests.kubernetes.faults import (
    Evict,
    Faults,
    OutOfMemory,
    PodFault,
    RunInstead,
    SlowLog,
    SlowStart,
    Unschedulable,
    Vanish,
)
from tests.kubernetes.images import REFERENCE, LocalImage, Registry
from tests.kubernetes.logs import ContainerLog
from tests.kubernetes.store import Pod, Store, key_of, now
from tests.kubernetes.volumes import MountError, led_to, mount_secrets

FALLBACK_LINES, FALLBACK_BYTES = 80, 2048
START_FAILED = 128


@dataclass(frozen=True)
class Node:
    """Shared by the pods of one kubelet: images, secrets, config maps, and a directory for their files."""

    images: Registry
    directory: Path
    secrets: Bundles
    config_maps: Bundles


class Kubelet:
    """The pods that run."""

    def __init__(self, store: Store, faults: Faults, node: Node) -> None:
        self._store = store
        self._faults = faults
        self._node = node
        self._workers: dict[str, PodWorker] = {}

    def start(self, pod: Pod) -> None:
        """Run a pod that the store has taken."""
        worker = PodWorker(self._store, self._node, pod, self._faults.of_pod(pod))
        self._workers[pod["metadata"]["uid"]] = worker
        worker.start()

    def delete(self, pod: Pod, grace: float | None) -> Pod:
        """Delete a pod as the API does: SIGTERM, SIGKILL after `grace` seconds (None: the pod's own), then gone."""
        return self._workers[pod["metadata"]["uid"]].delete(grace)

    def log(self, pod: Pod, container: str) -> ContainerLog:
        """The log of a pod's container.

        Raises:
            ApiError: 400, if it has not been started, or the pod has no such container.
        """
        if container not in ("", pod["spec"]["containers"][0]["name"]):
            raise ApiError(400, "BadRequest", f"container {container} is not valid for pod {key_of(pod)[1]}")
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None:
            raise not_found("pods", key_of(pod)[1])
        if not worker.has_started:
            raise ApiError(
                400,
                "BadRequest",
                f'container "{pod["spec"]["containers"][0]["name"]}" in pod "{key_of(pod)[1]}" is waiting to start',
            )
        return worker.log

    def close(self) -> None:
        """Kill every process and wait for every thread."""
        for worker in self._workers.values():
            worker.kill()
        for worker in self._workers.values():
            worker.join()


class PodWorker:
    """The life of one pod."""

    def __init__(self, store: Store, node: Node, pod: Pod, faults: list[PodFault]) -> None:
        self.log = ContainerLog(delay=sum(fault.delay for fault in faults if isinstance(fault, SlowLog)))
        self.has_started = False
        self._store = store
        self._node = node
        self._pod = pod
        self._key, self._uid = key_of(pod), pod["metadata"]["uid"]
        self._container = pod["spec"]["containers"][0]
        self._faults = faults
        self._directory = node.directory / self._uid
        self._process: subprocess.Popen[bytes] | None = None
        self._deleted = self._killed = False
        self._out_of_memory = False
        self._pod_failure: tuple[str, str] | None = None
        self._lock = threading.RLock()
        self._ended = threading.Event()  # it was deleted or killed
        self._timers: list[threading.Timer] = []
        self._thread = threading.Thread(target=self._live, name=f"pod {self._key[1]}", daemon=True)

    def start(self) -> None:
        """Begin its life, in a thread of its own."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of its life."""
        self._thread.join()
        self._cancel_timers()

    def _live(self) -> None:
        """Schedule, pull, start, wait, report."""
        if not self._finds_node():
            return
        self._update(status.set_scheduled)
        self._event("Normal", "Scheduled", f"Successfully assigned {'/'.join(self._key)} to double")
        if deadline := self._pod["spec"].get("activeDeadlineSeconds"):
            self._after(deadline, self._exceed_deadline)
        image = self._pull()
        if image is not None and self._start_process(image):
            self._wait()
            self._cancel_timers()

    def _finds_node(self) -> bool:
        """Wait until the scheduler finds a node; False when it never does."""
        for fault in self._faults:
            if isinstance(fault, Unschedulable):
                self._update(partial(status.set_unschedulable, sentence=fault.sentence))
                self._event("Warning", "FailedScheduling", fault.sentence)
                if self._ended.wait(fault.seconds) or fault.seconds is None:
                    return False
        return True

    def delete(self, grace: float | None) -> Pod:
        """Mark the pod as being deleted and stop it; it leaves the store once its process has ended."""
        seconds = self._pod["spec"]["terminationGracePeriodSeconds"] if grace is None else grace

        def mark(pod: Pod) -> None:
            pod["metadata"] |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": int(seconds)}

        self._update(mark)
        deleted = self._store.get(*self._key)
        with self._lock:
            self._deleted = True
            self._ended.set()
            if self._process is None or self._process.poll() is not None:
                self._store.remove(self._key, self._uid)
            else:
                self._stop(seconds)
        return deleted

    def kill(self) -> None:
        """End the pod's process, if there is one, and let none start."""
        with self._lock:
            self._killed = True
            self._ended.set()
            if self._process is not None and self._process.poll() is None:  # else its id may be another's by now
                _kill_group(self._process)

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _pull(self) -> LocalImage | None:
        reference = self._container["image"]
        if not REFERENCE.fullmatch(reference):
            self._refuse("InvalidImageName", f'Failed to apply default image tag "{reference}"')
            return None
        self._event("Normal", "Pulling", f'Pulling image "{reference}"')
        time.sleep(sum(fault.seconds for fault in self._faults if isinstance(fault, SlowStart)))
        image = self._node.images(reference)
        if image is None:
            why = f'failed to pull image "{reference}": not found'
            self._refuse("ErrImagePull", why)
            self._refuse("ImagePullBackOff", f'Back-off pulling image "{reference}": ErrImagePull: {why}')
        else:
            self._event("Normal", "Pulled", f'Successfully pulled image "{reference}"')
        return image

    def _refuse(self, reason: str, message: str) -> None:
        self._update(lambda pod: status.set_waiting(pod, reason, message))
        self._event("Warning", "Failed", message)

    def _start_process(self, image: LocalImage) -> bool:
        try:
            variables = container_environment(self._pod, self._container, self._node.secrets, self._node.config_maps)
        except ConfigError as error:
            self._refuse("CreateContainerConfigError", str(error))
            return False
        self._directory.mkdir(parents=True)
        try:
            mounted = mount_secrets(self._pod, self._directory / "root", self._node.secrets)
        except MountError as error:  # the kubelet tries again and again, and says so in events only
            self._event("Warning", "FailedMount", str(error))
            return False
        variables = led_to(self._directory / "root", mounted, variables)
        command = self._command(image, variables)
        environment = base_environment(image.bin, self._directory, self._key[1]) | variables
        program = shutil.which(command[0], path=environment["PATH"])
        if program is None:
            self._fail_to_start(f'exec: "{command[0]}": executable file not found in $PATH')
            return False
        with self._lock:
            if self._deleted or self._killed:
                return False
            self._process = subprocess.Popen(
                [program, *command[1:]],
                cwd=image.workdir or self._directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._update(status.set_running)
        self.has_started = True
        self._event("Normal", "Started", "Started container")
        self._arm()
        return True

    def _command(self, image: LocalImage, variables: Mapping[str, str]) -> list[str]:
        for fault in self._faults:
            if isinstance(fault, RunInstead):
                return list(fault.command)
        own = [*(self._container.get("command") or image.entrypoint), *(self._container.get("args") or [])]
        return [expand(word, variables) for word in own]

    def _fail_to_start(self, message: str) -> None:
        self._event("Warning", "Failed", message)
        self.log.close()
        self.has_started = True
        self._update(lambda pod: status.set_terminated(pod, START_FAILED, "StartError", message))

    def _arm(self) -> None:
        """Start the clocks of the faults."""
        actions: dict[type[PodFault], Callable[[], None]] = {
            Vanish: self._vanish,
            OutOfMemory: self._run_out_of_memory,
            Evict: self._evict,
        }
        for fault in self._faults:
            if isinstance(fault, Vanish | OutOfMemory | Evict):
                self._after(fault.after, actions[type(fault)])

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, action)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _vanish(self) -> None:
        self._store.remove(self._key, self._uid)
        self.kill()

    def _run_out_of_memory(self) -> None:
        self._out_of_memory = True
        self.kill()

    def _evict(self) -> None:
        self._pod_failure = ("Evicted", "The node was low on resource: memory. ")
        self._event("Warning", "Evicted", self._pod_failure[1])
        self.kill()

    def _exceed_deadline(self) -> None:
        self._pod_failure = (
            "DeadlineExceeded",
            "Pod was active on the node longer than the specified deadline",
        )
        failure = self._pod_failure
        with self._lock:
            if self._process is None:  # it still waits, for example for its image
                self._update(lambda pod: status.set_failed(pod, *failure))
            else:
                self._stop(self._pod["spec"]["terminationGracePeriodSeconds"])

    def _stop(self, grace: float) -> None:
        """SIGTERM to the container's first process only, SIGKILL to all of them after `grace` seconds."""
        if self._process is None:
            return
        if grace > 0:
            self._event("Normal", "Killing", f"Stopping container {self._container['name']}")
            self._process.send_signal(signal.SIGTERM)
            self._after(grace, self.kill)
        else:
            self.kill()

    def _wait(self) -> None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        reader = threading.Thread(target=self._read_output, daemon=True)
        reader.start()
        exit_code = process.wait()
        _kill_group(process)
        reader.join()
        exit_code = 128 - exit_code if exit_code < 0 else exit_code
        reason = "OOMKilled" if self._out_of_memory else "Completed" if exit_code == 0 else "Error"
        message = self._termination_message(exit_code)

        def report(pod: Pod) -> None:
            status.set_terminated(pod, exit_code, reason, message)
            if self._pod_failure:
                status.set_failed(pod, *self._pod_failure)

        self._update(report)
        self.log.close()
        with self._lock:
            if self._deleted:
                self._store.remove(self._key, self._uid)

    def _read_output(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self.log.append(line.rstrip(b"\n"))

    def _termination_message(self, exit_code: int) -> str:
        """The end of the log: a process has no file system of its own to find its termination log in."""
        if exit_code and self._container.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            return self.log.tail(FALLBACK_LINES, FALLBACK_BYTES)
        return ""

    def _update(self, change: Callable[[Pod], None]) -> None:
        self._store.update(self._key, self._uid, change)

    def _event(self, kind: str, reason: str, message: str) -> None:
        self._store.add_event(self._pod, kind, reason, message)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        killpg(process.pid, signal.SIGKILL)
