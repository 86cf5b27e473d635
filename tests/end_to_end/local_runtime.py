"""The local deployment with the real stages, for tests that drive it as an operator does."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from nightjar.domain.detections import Detection
from nightjar.domain.manifest import Manifest
from nightjar.domain.names import parse_footage_name
from nightjar.domain.release import VARIABLE
from nightjar.runtime.manifests import read_lines, read_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.stores.footage import footage_key
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import HISTORY, run_prefix, stage_prefix
from nightjar_local import airflow, deployment, images
from nightjar_local.deployment import Deployment
from nightjar_local.layout import ROOT
from nightjar_local.processes import program
from nightjar_local.samples import Sample
from nightjar_local.settings import for_once
from tests.end_to_end.cluster import ENDED, Airflow, wait_until
from tests.operators.stage_programs import build_image, build_images

SAMPLE_RULES = ROOT / "local" / "rules.yaml"
TIMEOUT = 400.0
LIVE_RUNS = 2  # as many as `running_small` allows at once


class Operator(Airflow):
    """The acts of an operator in the UI."""

    def clear(self, dag: str, run: str) -> None:
        """Clear a whole run, so that it runs again."""
        self._call("POST", f"/dags/{dag}/dagRuns/{run}/clear", json={"dry_run": False, "only_failed": False})

    def clear_failed(self, dag: str, run: str) -> None:
        """Clear what failed, and nothing else."""
        body = {"dry_run": False, "dag_run_id": run, "only_failed": True, "reset_dag_runs": True}
        self._call("POST", f"/dags/{dag}/clearTaskInstances", json=body)

    def mark_failed(self, dag: str, run: str) -> None:
        """Mark a run as failed."""
        self._call("PATCH", f"/dags/{dag}/dagRuns/{run}", json={"state": "failed"})

    def pause(self, dag: str, *, paused: bool) -> None:
        """Let no run of a DAG go on, or let them go on again."""
        self._call("PATCH", f"/dags/{dag}", json={"is_paused": paused})

    def parse(self, dag: str) -> None:
        """Have the file of a DAG parsed again, soon."""
        self._call("PUT", f"/parseDagFile/{self._call('GET', f'/dags/{dag}')['file_token']}")

    def parsed_at(self, dag: str) -> datetime:
        """When the file of a DAG was parsed last."""
        return datetime.fromisoformat(self._call("GET", f"/dags/{dag}")["last_parsed_time"])

    def state(self, dag: str, run: str) -> str:
        """The state of a run."""
        return str(self._call("GET", f"/dags/{dag}/dagRuns/{run}")["state"])

    def run_of_day(self, day: date) -> str:
        """The id of the history run over `day`."""
        [run] = [one for one in self.runs(HISTORY) if str(one["data_interval_start"]).startswith(day.isoformat())]
        return str(run["dag_run_id"])


@dataclass(frozen=True)
class Local:
    """A running deployment, its Airflow and its bucket."""

    deployment: Deployment
    airflow: Operator
    store: S3Store
    home: Path

    def file(self, samples: Sequence[Sample]) -> None:
        """Put footage where collect files it, without any run having seen it."""
        for sample in samples:
            metadata = {"sha256": sha256(sample.body).hexdigest()}
            self.store.put(footage_key(parse_footage_name(sample.name)), sample.body, metadata=metadata)

    def command(self, *arguments: str) -> str:
        """Run `airflow …` as on a machine of the deployment; returns what it said."""
        return self._run("airflow", *arguments)

    def nightjar(self, *arguments: str) -> str:
        """Run `nightjar …` there; returns what it said."""
        return self._run("nightjar", *arguments)

    def _run(self, command: str, *arguments: str) -> str:
        dags = ROOT / "dags"
        environment = airflow.environment(self.home, self.deployment.settings, self.deployment.access, dags)
        environment["PATH"] = f"{Path(program(command)).parent}:{environment['PATH']}"
        result = subprocess.run(
            [program(command), *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def wait(self, what: str, reached: Callable[[], bool], timeout: float = TIMEOUT) -> None:
        """Wait until `reached()`; raises LocalError when it takes too long."""
        wait_until(what, reached, timeout)

    def wait_for_end(self, dag: str, run: str) -> str:
        """Wait until a run has ended; returns its state."""
        self.wait(f"{dag} {run}", lambda: self.airflow.state(dag, run) in ENDED)
        return self.airflow.state(dag, run)

    def wait_for_success(self, dag: str, run: str) -> None:
        """Wait until a run has ended, and well."""
        assert self.wait_for_end(dag, run) == "success", self.airflow.states(dag, run)

    def manifests(self, day: date, stage: str) -> list[Manifest]:
        """The manifests of a stage in the history run over `day`, one a shard."""
        prefix = stage_prefix(run_prefix(HISTORY, day.isoformat()), stage)
        return [read_manifest(self.store, folder)[0] for folder in self.store.list_folders(prefix) or [prefix]]

    def detail(self, day: date, stage: str, name: str) -> int:
        """The sum of a detail over the shards of a stage."""
        return sum(manifest.counts.details[name] for manifest in self.manifests(day, stage))

    def detections(self, day: date) -> list[Detection]:
        """Every line of the detections store about `day`."""
        found = (info.key for info in self.store.list_objects("detections/") if f"/{day:%Y/%m/%d}/" in info.key)
        return [line for key in found for line in read_lines(self.store, key, Detection)[0]]

    def contents(self, prefix: str) -> dict[str, bytes]:
        """Every object below `prefix`."""
        return {info.key: self.store.get(info.key)[0] for info in self.store.list_objects(prefix)}


@contextlib.contextmanager
def running(
    directory: Path,
    programs: Path | None = None,
    rules: bytes = SAMPLE_RULES.read_bytes(),
    variables: Mapping[str, str] | None = None,
) -> Iterator[Local]:
    """Start the deployment and give it `rules`; no DAG runs yet. `variables` are Airflow's, besides its usual ones.

    With the real stages, whose images are built if need be, or with `stage_programs` in the image store `programs`.
    """
    built = build_images(programs) if programs else images.build_all()
    with pytest.MonkeyPatch.context() as patch:
        if programs:
            patch.setattr(airflow, "IMAGES", programs)
        with deployment.running(directory, for_once(), variables=variables) as started:
            for name, value in started.access.environment().items():
                patch.setenv(name, value)
            RulesStore(S3Store(StoreSettings())).put(rules)
            with Operator(started.url, started.settings.password) as api:
                api.set_variable(VARIABLE, json.dumps(built), "the images of the stages")
                yield Local(started, api, S3Store(StoreSettings()), started.home)


@contextlib.contextmanager
def running_small(directory: Path) -> Iterator[Local]:
    """The deployment with small stages, and with the real assess and notify under the tag `real`.

    A run is late after a minute, the least that is allowed; a shard of one picture may take a little longer.
    """
    variables = {
        "NIGHTJAR_LIVE_LATE_SECONDS": "60",
        "NIGHTJAR_LIVE_RUNS": str(LIVE_RUNS),
        "NIGHTJAR_STAGE_START_SECONDS": "80",
    }
    with running(directory, directory / "images", variables=variables) as local:
        for image in ("assess", "notify"):
            build_image(directory / "images", image, "real", real=True)
        yield local
