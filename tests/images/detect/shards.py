"""Validated shards for the detect stage, and the sample pictures they are made of."""

import io
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import av
import numpy as np
import skimage
from PIL import Image

from nightjar.domain.detections import Detection, ListedPicture, Picture
from nightjar.domain.layout import PICTURES
from nightjar.domain.names import Camera
from nightjar.runtime.manifests import read_lines, write_lines
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore
from nightjar.stores.runs import LIVE
from nightjar_local.samples import unpacked
from nightjar_local.scenes import VIDEOS
from tests.bucket import NOON, PORCH, RunWorld, image_of, put_picture

_STILLS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "motorcycle_right.png", "rocket.jpg")
_CLIPS = {"bikes.mp4": 25, "carphone_pristine.mp4": 24, "bigbuckbunny.mp4": 33}  # every how many frames


def jpeg(picture: Image.Image, quality: int = 85) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def noise(seed: int) -> bytes:
    """A small picture of its own, which is like no other."""
    spots = np.random.default_rng(seed % 1000).integers(0, 256, (6, 8, 3), np.uint8)
    return jpeg(Image.fromarray(spots).resize((64, 48), Image.Resampling.NEAREST))


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


def series(store: ObjectStore, data: Iterable[bytes], start: datetime = NOON, camera: Camera = PORCH) -> list[Picture]:
    """A picture a second."""
    return [put_picture(store, each, start + timedelta(seconds=n), camera) for n, each in enumerate(data)]


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
    world = RunWorld(store, run, dag)
    source = world.at("validate", shard)
    lines = (p if isinstance(p, ListedPicture) else ListedPicture.of(p) for p in pictures)
    world.leave("validate", shard, [write_lines(store, f"{source}{PICTURES}", lines)])
    world.pin(tags={"detect": tag}, settings={"detect": dict(settings or {})})
    return world.context("detect", source, shard, image_of("detect", tag), now=None)


def detections(store: ObjectStore) -> Mapping[str, list[Detection]]:
    """All detections in the store, of whatever detector, by key below the detector's folder."""
    keys = [info.key for info in store.list_objects("detections/") if info.key.endswith(".jsonl")]
    return {key.split("/", 2)[2]: read_lines(store, key, Detection)[0] for key in keys}
