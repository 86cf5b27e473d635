"""The chain without Airflow: every stage as the program it is, one after the other, over a bucket on a real S3 server.

For tests of what spans stages and runs: two releases on one bucket, what each stage reads and writes, what a run costs.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

from nightjar.domain.manifest import Manifest
from nightjar.domain.release import Release, StageRelease, Started
from nightjar.domain.reproduction.answer import Answer
from nightjar.domain.reproduction.request import REPRODUCED
from nightjar.domain.stages import SHARD_STAGES, STAGES, Stage
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.s3 import S3Store
from nightjar.settings.by_stage import resolve
from nightjar.stores.reproductions import reproduction_prefix, shard_place
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import CANDIDATE, GATHER, HISTORY, LIVE, PATROL, REPORT, WATCH, Runs, run_prefix, stage_prefix
from nightjar_local.images import detection_model
from nightjar_local.layout import ROOT
from nightjar_local.seaweedfs import S3Access
from operators.account import end_run, write_account
from operators.candidate import Gathering
from operators.reproduction import ask
from operators.reproduction_answer import answered
from operators.shards import select_day, write_shards


class StageFailed(AssertionError):  # noqa: N818 - reads as the outcome it is
    """A stage ended with another exit code than 0; the message is its last words."""


@dataclass
class Chain:
    """Runs stages of the sources below `sources` against a bucket; `tag` is what its images are called.

    `environment` goes to every stage besides its settings. `manifests` collects the manifest of every stage that ran.
    """

    access: S3Access
    store: S3Store
    sources: Path = ROOT
    tag: str = "1.0.0"
    environment: Mapping[str, str] = field(default_factory=dict)
    max_shards: int = 10
    manifests: dict[str, list[Manifest]] = field(default_factory=dict)

    def land(self, footage: Mapping[str, bytes]) -> None:
        """Put footage into the drop zone, by name."""
        for name, body in footage.items():
            self.store.put(f"incoming/{name}", body)

    def live(self, run: str) -> str | None:
        """One watch run and the live run that it hands over to; the batch's id, or None when nothing had landed."""
        collected = self._stage("collect", run, "incoming/", stage_prefix(run_prefix(WATCH, run), "collect"))
        batch = collected.result["batch_id"]
        if batch is None:
            return None
        self._run(run_prefix(LIVE, str(batch)))
        return str(batch)

    def history(self, day: date) -> None:
        """The history run of a day."""
        prefix = run_prefix(HISTORY, day.isoformat())
        select_day(self.store, prefix, day)
        self._run(prefix, day)

    def report(self, run: str) -> Manifest:
        """A run of the report."""
        prefix = run_prefix(REPORT, run)
        self._pin(prefix)
        return self._stage("report", run, "records/", stage_prefix(prefix, "report"), release=prefix)

    def reproduce(self, run: str, batch: str) -> Answer:
        """A live run done again, as nightjar_reproduce does it."""
        request = ask(self.store, run, batch)
        for shard in request.shards:
            source, place = f"{request.run}shards/{shard.name}/", shard_place(reproduction_prefix(run), shard.name)
            for stage in REPRODUCED:
                target = stage_prefix(request.run, stage, shard.name)
                arguments = ["--input-prefix", source, "--output-prefix", target, "--reproduction", place]
                arguments += ["--release", Runs(self.store).at(request.run).release_key]
                self._start([sys.executable, "-m", STAGES[stage].module, *arguments], stage, batch)
                source = target
        return answered(self.store, run, datetime.now(UTC))

    def patrol(self, run: str) -> Manifest:
        """A run of the patrol."""
        prefix = run_prefix(PATROL, run)
        self._pin(prefix)
        self._stage("survey", run, "health/", stage_prefix(prefix, "survey"), release=prefix)
        return self._stage("tell", run, "troubles/", stage_prefix(prefix, "tell"), release=prefix)

    def candidate(self, run: str, tag: str, day: date | None, environment: Mapping[str, str]) -> Manifest:
        """A run of the candidate, which is the detector of this chain under other settings: `environment`."""
        prefix = run_prefix(CANDIDATE, run)
        folder = Runs(self.store).at(prefix)
        deployed = self._release(folder.name, Started(dag_run=run, start="0"))
        Runs(self.store).deploy(prefix, deployed, datetime.now(UTC))
        started = Started(dag_run=run, start="1")
        release, ref = folder.pin(
            started, lambda: self._release(folder.name, started).with_settings("detect", environment)
        )
        gathering = Gathering(self.store, folder, tag, release.stage("detect").identity, datetime.now(UTC))
        inside = replace(self, environment={**self.environment, **environment})
        for shard in gathering.gather(day, ref.sha256, self.max_shards, 1000):
            target = folder.stage_prefix("detect", shard.rstrip("/").rpartition("/")[2])
            inside._stage("detect", folder.name, shard, target, release=prefix)
        source, target = folder.stage_prefix(GATHER), folder.stage_prefix("compare")
        return self._stage("compare", folder.name, source, target, release=prefix)

    def _run(self, prefix: str, day: date | None = None) -> None:
        release = self._pin(prefix)
        name = Runs(self.store).at(prefix).name
        shards = write_shards(self.store, prefix, max_shards=self.max_shards, max_work=1000)
        for shard in shards:
            source = shard
            for stage in SHARD_STAGES:
                target = stage_prefix(prefix, stage, shard.rstrip("/").rpartition("/")[2])
                done = self._stage(stage, name, source, target, release=prefix)
                if stage == "assess" and not done.result["events"]:
                    break
                source = target
        write_account(self.store, prefix, shards, release, datetime.now(UTC))
        reconciled = stage_prefix(prefix, "reconcile")
        self._stage("record", name, reconciled, stage_prefix(prefix, "record"), release=prefix, day=day)
        end_run(self.store, prefix, [], datetime.now(UTC))

    def _pin(self, prefix: str) -> str:
        """Freeze a release for the run; returns its SHA-256."""
        run = Runs(self.store).at(prefix)
        started = Started(dag_run=f"{self.tag}-{datetime.now(UTC).timestamp()}", start="1")
        run.begin(started, lambda _: False)
        return run.pin(started, lambda: self._release(run.name, started))[1].sha256

    def _release(self, name: str, started: Started) -> Release:
        stages = {each.name: StageRelease(image=self._image(each), settings=resolve(each.name)) for each in _PINNED}
        return Release(run=name, start=started.identity, stages=stages, rules=RulesStore(self.store).freeze())

    def _image(self, stage: Stage) -> str:
        return f"example.com/nightjar/{stage.image}:{self.tag}"

    def _stage(
        self, stage: str, run: str, source: str, target: str, release: str | None = None, day: date | None = None
    ) -> Manifest:
        arguments = ["--input-prefix", source, "--output-prefix", target]
        arguments += ["--release", Runs(self.store).at(release).release_key] if release else []
        arguments += ["--day", day.isoformat()] if day else []
        self._start([sys.executable, "-m", STAGES[stage].module, *arguments], stage, run)
        manifest, _ = read_manifest(self.store, target)
        self.manifests.setdefault(stage, []).append(manifest)
        return manifest

    def variables(self, stage: str, run: str) -> dict[str, str]:
        """The environment that a stage gets: its settings, the store, its name; nothing else of ours."""
        image = self._image(STAGES[stage])
        named = {"NIGHTJAR_IMAGE": image, "NIGHTJAR_RUN": run}
        return {**self.access.environment(), **resolve(stage), **named, **self.environment}

    def _start(self, command: Sequence[str], stage: str, run: str) -> None:
        """Run a stage as the operator does."""
        folders = [self.sources / "images" / "base", self.sources / "images" / STAGES[stage].image]
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SSL_CERT_FILE") if name in os.environ},
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "NIGHTJAR_MODEL_DIR": str(detection_model()),
            **self.variables(stage, run),
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise StageFailed(f"{stage}: exit code {done.returncode}: {done.stderr[-2000:]}\n{done.stdout[-2000:]}")


_PINNED = tuple(stage for stage in STAGES.values() if stage.name != "collect")
