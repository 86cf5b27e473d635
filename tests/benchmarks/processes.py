"""A stage as the process that it is: what its manifest says, and what it cost."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from nightjar.domain.manifest import Manifest
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.stage import StageContext


@dataclass(frozen=True)
class Ran:
    """A stage that has run: `seconds` from when it began to work to its end, `cpu_seconds` of it and its children."""

    manifest: Manifest
    cpu_seconds: float

    @property
    def seconds(self) -> float:
        """From when it began to work to its end."""
        return self.manifest.seconds

    @property
    def per_second(self) -> float:
        """Things received, a second."""
        return self.manifest.counts.received / self.seconds


def run_stage(python: Path, stage: str, context: StageContext, folder: Path, **environment: str) -> Ran:
    """Run the stage in the image whose interpreter is `python`, on what `context` names; raises RuntimeError."""
    argv = [str(python), "-m", f"nightjar_{stage}", "--input-prefix", context.input_prefix]
    argv += ["--output-prefix", context.output_prefix, "--release", str(context.release_key)]
    named = {"NIGHTJAR_IMAGE": context.image, "NIGHTJAR_RUN": context.run}
    log = folder / f"{stage}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            argv, env={**os.environ, **named, **environment}, stdout=file, stderr=file, cwd=folder
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{stage} ended with {process.returncode}: {log.read_text()[-2000:]}")
    manifest, _ = read_manifest(context.store, context.output_prefix)
    return Ran(manifest, usage.ru_utime + usage.ru_stime)
