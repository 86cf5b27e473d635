"""The assignment of one attempt of a stage: by which image and settings it works, and for how long it may."""

from collections.abc import Mapping
from dataclasses import dataclass

from nightjar.domain.layout import last_segment
from nightjar.domain.manifest import Manifest
from nightjar.domain.release import Release, StageRelease, image_tag
from nightjar.domain.shards import most_pictures
from nightjar.domain.stages import Stage
from nightjar.errors import UsageError
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.store import ObjectStore
from nightjar.settings.by_stage import resolve
from nightjar.stores.releases import Releases
from nightjar.stores.runs import Run, Runs
from operators.settings import DeploymentSettings


@dataclass(frozen=True)
class Assignment:
    """`settings` are environment variables, `seconds` is the time bound, `digest` the content of `image`, if known."""

    image: str
    settings: Mapping[str, str]
    seconds: int
    digest: str | None = None

    @property
    def pinned_image(self) -> str:
        """The image that a pod is started from: by its content, where that is known."""
        return f"{self.image}@{self.digest}" if self.digest else self.image


def pinned_release(run: Run, sha256: str) -> Release:
    """The release of the run, if it still is the one with this SHA-256.

    Raises UsageError when the run's folder is pinned to another release by now, InputError when it is to none.
    """
    release, ref = run.release()
    if ref.sha256 != sha256:
        raise UsageError(
            f"expected {run.release_key} with SHA-256 {sha256}, got {ref.sha256}: another DAG run, or a later start of "
            f"this one, has taken up {run.name}; clear the whole run if there is something left to do"
        )
    return release


def assign(
    store: ObjectStore,
    settings: DeploymentSettings,
    stage: Stage,
    *,
    image: str,
    run_prefix: str,
    input_prefix: str,
    release: str | None,
) -> Assignment:
    """The assignment of `stage` by the release with SHA-256 `release`; without one, by `image` and this environment."""
    run = Runs(store).at(run_prefix)
    pinned = (
        pinned_release(run, release).stage(stage.name)
        if release
        else StageRelease(image=image, digest=_recorded(store, stage, image), settings=resolve(stage.name))
    )
    pictures = _pictures(store, run, input_prefix) if stage.seconds_per_picture else 0
    return Assignment(pinned.image, pinned.settings, settings.seconds(stage, pictures), pinned.digest)


def _recorded(store: ObjectStore, stage: Stage, image: str) -> str | None:
    """The digest of an image that runs outside of a release, as a run has recorded it."""
    tag = image_tag(image)
    registry = image.removesuffix(f"/{stage.image}:{tag}")
    return Releases(store).recorded_digest(registry, stage.image, tag)


def has_nothing_to_do(store: ObjectStore, input_prefix: str, key: str) -> bool:
    """Whether the stage before left 0 under `key` of its result."""
    return read_manifest(store, input_prefix)[0].result.get(key) == 0


def _pictures(store: ObjectStore, run: Run, input_prefix: str) -> int:
    """The pictures below `input_prefix`: estimated for a shard, counted by the manifest of the stage before."""
    shard = last_segment(input_prefix)
    if input_prefix == run.shard_prefix(shard):
        return most_pictures(run.shard(shard)[0])
    return passed_on(read_manifest(store, input_prefix)[0])


def passed_on(manifest: Manifest) -> int:
    """The pictures that a stage leaves to the next one."""
    counts = manifest.counts
    return counts.total("standard") if manifest.stage == "validate" else counts.received
