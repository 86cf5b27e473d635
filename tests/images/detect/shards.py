"""Validated shards for the detect stage, and the sample pictures they are made of."""

import hashlib
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import skimage
from PIL import Image

from nightjar.domain.detections import Detection, ListedPicture, Picture
from nightjar.domain.layout import PICTURES
from nightjar.domain.manifest import Counts, Manifest, ObjectRef
from nightjar.domain.names import Camera
from nightjar.domain.release import FrozenRules, Release, StageRelease
from nightjar.runtime.manifests import read_lines, write_lines, write_manifest, write_record
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import LIVE, run_prefix, stage_prefix
from nightjar.stores.standard import standard_key
from nightjar_local.samples import VIDEOS, unpacked

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PORCH, YARD = Camera("alice", "porch"), Camera("alice", "yard")

_STILLS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "motorcycle_right.png", "rocket.jpg")
_CLIPS = {"bikes.mp4": 25, "carphone_pristine.mp4": 24, "bigbuckbunny.mp4": 33}  # every how many frames


def jpeg(picture: Image.Image, quality: int = 85) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def noise(seed: int) -> bytes:
    """A small picture of its own."""
    return jpeg(Image.new("RGB", (64, 48), (seed % 256, 40, 90)))


def sample_pictures() -> dict[str, bytes]:
    """Real pictures, and frames of real video, as standardised JPEGs by name."""
    data = Path(skimage.__file__).parent / "data"
    found = {name: jpeg(Image.open(data / name).convert("RGB")) for name in _STILLS}
    for clip, every in _CLIPS.items():
        with av.open(str(unpacked() / VIDEOS / clip)) as container:
            frames = enumerate(container.decode(video=0))
            found |= {
                f"{clip} {n}": jpeg(Image.fromarray(frame.to_ndarray(format="rgb24")))
                for n, frame in frames
                if n % every == 0
            }
    return found


def picture(store: ObjectStore, data: bytes, taken_at: datetime = NOON, camera: Camera = PORCH) -> Picture:
    """A standardised picture, stored."""
    key = standard_key(camera, taken_at)
    store.put(key, data)
    return Picture(
        user=camera.user,
        device=camera.device,
        taken_at=taken_at,
        footage_key=key.replace("standard/", "footage/"),
        footage_version="v1",
        standard_key=key,
        standard_sha256=hashlib.sha256(data).hexdigest(),
        width=640,
        height=480,
    )


def series(store: ObjectStore, data: Iterable[bytes], start: datetime = NOON, camera: Camera = PORCH) -> list[Picture]:
    """A picture a second."""
    return [picture(store, each, start + timedelta(seconds=n), camera) for n, each in enumerate(data)]


def validated(
    store: ObjectStore,
    pictures: Iterable[Picture],
    run: str = "b1",
    shard: str = "alice-porch",
    dag: str = LIVE,
    tag: str = "d1",
    settings: Mapping[str, str] | None = None,
) -> StageContext:
    """A shard as validate leaves it, in a run pinned to `tag` and `settings`; the context of its detect stage."""
    prefix = run_prefix(dag, run)
    inputs = stage_prefix(prefix, "validate", shard)
    lines = (p if isinstance(p, ListedPicture) else ListedPicture.of(p) for p in pictures)
    ref = write_lines(store, f"{inputs}{PICTURES}", lines)
    manifest = Manifest(
        stage="validate",
        image="example.com/nightjar/validate:1",
        run=run,
        objects=(ref,),
        counts=Counts(),
        started_at=NOON,
        finished_at=NOON,
    )
    write_manifest(store, inputs, manifest)
    image = f"example.com/nightjar/detect:{tag}"
    rules = ObjectRef(key="config/rules.yaml", version_id="v1", sha256="0" * 64, size=0)
    release = Release(
        run=run,
        stages={"detect": StageRelease(image=image, settings=dict(settings or {}))},
        rules=FrozenRules(key=rules.key, sha256=rules.sha256, source=rules),
    )
    release_ref = write_record(store, f"{prefix}release.json", release)
    return StageContext(
        stage="detect",
        image=image,
        run=run,
        input_prefix=inputs,
        output_prefix=stage_prefix(prefix, "detect", shard),
        store=store,
        release_key=release_ref.key,
    )


def detections(store: ObjectStore) -> Mapping[str, list[Detection]]:
    """All detections in the store, of whatever detector, by key below the detector's folder."""
    keys = [info.key for info in store.list_objects("detections/") if info.key.endswith(".jsonl")]
    return {key.split("/", 2)[2]: read_lines(store, key, Detection)[0] for key in keys}
