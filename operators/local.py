"""A stage's pod, run as a process on this machine: the same command and environment, in the image's own venv.

The local image store is `<store>/<stage>/<tag>/`, made by `make images`; `venv/bin` in it comes first on the PATH. The
process sees what the pod would: the spec's variables, the secrets that the spec refers to (taken from the environment
of Airflow, where the local deployment puts them), a /tmp of its own, and nothing else.
"""

import ctypes
import json
import logging
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Protocol

from kubernetes.client import models as k8s

from nightjar.domain.release import image_tag
from nightjar.errors import UsageError
from nightjar.runtime.secret_files import VARIABLE as SECRETS_VARIABLE
from operators.failures import Ended
from operators.pods import literal_value, secret_names
from operators.settings import DeploymentSettings

# So that whoever ends the local deployment finds what it started.
_DEPLOYMENT_TOKEN = "NIGHTJAR_DEPLOYMENT_TOKEN"  # noqa: S105 - the name of a variable
RECORD = "image.json"  # what the image is; the builder writes it last
_POLL = 0.2
_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class Log(Protocol):
    """The part of a logger that is needed: Airflow's tasks have another kind than the standard library's."""

    def log(self, level: int, event: str, /, *arguments: object) -> object:
        """Log `event % arguments`."""


def image_folder(store: Path, image: str) -> Path:
    """Where the image `<registry>/<stage>:<tag>` is in the local store; raises UsageError when it is not built."""
    folder = _folder(store, image)
    stage, tag = folder.parts[-2:]
    if not (folder / RECORD).exists():
        raise UsageError(
            f"image {stage}:{tag} is not built in the local image store: run `make images TAG={tag}`, or set Variable "
            f"nightjar_images to tags that are ({', '.join(built_tags(store, stage)) or 'none is built'})"
        )
    return folder


def _folder(store: Path, image: str) -> Path:
    tag = image_tag(image)
    return store / image.removesuffix(f":{tag}").rsplit("/", 1)[-1] / tag


def is_built(store: Path, image: str) -> bool:
    """Whether the image `<registry>/<stage>:<tag>` is in the local store."""
    return (_folder(store, image) / RECORD).exists()


def needs_no_pod(settings: DeploymentSettings, stage: str, image: str) -> bool:
    """Whether `stage` runs as a process here: in the local runtime, or because its image is in this worker's store."""
    if settings.runtime == "local":
        return True
    store = settings.image_store
    return settings.pods(stage).runtime == "worker" and store is not None and is_built(store, image)


def built_tags(store: Path, stage: str) -> list[str]:
    """The tags of `stage` in the store."""
    return sorted(record.parent.name for record in (store / stage).glob(f"*/{RECORD}"))


def process_environment(
    pod: k8s.V1Pod, image: Path, ours: Mapping[str, str], settings: DeploymentSettings, scratch: str
) -> dict[str, str]:
    """The environment of the pod's process: as in the pod, references to secrets resolved from `ours`."""
    [container] = pod.spec.containers
    environment = {"PATH": f"{image / 'venv' / 'bin'}:/usr/bin:/bin", "LANG": "C.UTF-8", "TMPDIR": scratch}
    referred = {source.secret_ref.name for source in container.env_from or []}
    referred |= {volume.secret.secret_name for volume in pod.spec.volumes or [] if volume.secret}
    for secret, secret_name in secret_names(settings).items():
        if secret_name in referred:
            environment |= {name: value for name, value in ours.items() if name.startswith(secret)}
    if token := ours.get(_DEPLOYMENT_TOKEN):
        environment[_DEPLOYMENT_TOKEN] = token
    named = {variable.name: literal_value(variable.value) for variable in container.env or []}
    return environment | {name: value for name, value in named.items() if name != SECRETS_VARIABLE}


class LocalProcess:
    """One run of a pod's container as a process group of this machine."""

    def __init__(self, pod: k8s.V1Pod, settings: DeploymentSettings, log: Log) -> None:
        self._pod, self._settings, self._log = pod, settings, log
        self._process: subprocess.Popen[bytes] | None = None
        self._kill_at: float | None = None
        self._last_error = ""

    def run(self) -> Ended:
        """Run it to its end, its log lines going into ours; raises UsageError when its image is not built."""
        [container] = self._pod.spec.containers
        store = self._settings.image_store
        if store is None:
            raise UsageError("NIGHTJAR_RUNTIME=local needs NIGHTJAR_IMAGE_STORE")
        image = image_folder(store, container.image)
        with tempfile.TemporaryDirectory(prefix="nightjar-") as scratch:
            environment = process_environment(self._pod, image, os.environ, self._settings, scratch)
            self._process = subprocess.Popen(  # noqa: S603 - the pod's command, no shell
                [*container.command, *container.args],
                cwd=image,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
            if self._kill_at is not None:  # told to stop while it was being started
                self._signal(signal.SIGTERM)
            with self._process as process:
                try:
                    return self._follow(process)
                finally:
                    self._signal(signal.SIGKILL)  # also what it left behind in its group

    def stop(self) -> None:
        """Ask it to stop, as the deletion of a pod does: SIGTERM, and SIGKILL after the grace period."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self._pod.spec.termination_grace_period_seconds
            self._signal(signal.SIGTERM)

    def _follow(self, process: subprocess.Popen[bytes]) -> Ended:
        deadline = time.monotonic() + self._pod.spec.active_deadline_seconds
        late = False
        with selectors.DefaultSelector() as selector:
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, _Lines(stream))
            while selector.get_map():
                ready = selector.select(_POLL)
                for key, _ in ready:
                    if not self._read(key.data, is_error=key.fileobj is process.stderr):
                        selector.unregister(key.fileobj)
                if process.poll() is not None and not ready:
                    break  # a child it left behind may hold its pipes open
                if not late and time.monotonic() > deadline:
                    late = True
                    self._log.log(logging.ERROR, "active deadline exceeded: stopping the stage")
                    self.stop()
                if self._kill_at is not None and time.monotonic() > self._kill_at:
                    self._signal(signal.SIGKILL)
        code = process.wait()
        if late:
            bound = self._pod.spec.active_deadline_seconds
            return Ended(None, f"stopped: it took longer than {bound} s. {self._last_error}", late=True)
        if code < 0:
            return Ended(None, f"killed by {signal.Signals(-code).name}. {self._last_error}")
        return Ended(code, self._last_error)

    def _read(self, lines: "_Lines", *, is_error: bool) -> bool:
        """Pass on what is there; False at the end."""
        found = lines.read()
        for line in found or []:
            level, text = readable(line)
            if is_error:
                self._last_error = text
            self._log.log(level, "%s", text)
        return found is not None

    def _signal(self, number: int) -> None:
        if self._process is not None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                return


class _Lines:
    """Whole lines from a pipe that does not block."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._rest = stream, b""

    def read(self) -> list[str] | None:
        """The lines that are there now; None at the end."""
        data = self._stream.read(1 << 16)
        if data is None:
            return []
        *whole, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            whole, self._rest = [self._rest], b""
        lines = [line.decode("utf-8", "backslashreplace") for line in whole if line.strip()]
        return lines if data or lines else None


def readable(line: str) -> tuple[int, str]:
    """Level and text of a log line: a stage's JSON made readable, anything else as it is."""
    try:
        found = json.loads(line)
        level = getattr(logging, str(found.pop("level")).upper(), logging.INFO)
        message = str(found.pop("message"))
    except (ValueError, AttributeError, KeyError, TypeError):
        return logging.INFO, line
    traceback = found.pop("traceback", None)
    rest = " ".join(f"{k}={_short(v)}" for k, v in found.items() if k not in {"time", "run", "stage"})
    return level, "\n".join(filter(None, [f"{message}  {rest}".rstrip(), traceback]))


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _die_with_parent() -> None:
    """In the child: be told to stop when the task's process dies without a word, as a worker's may."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
