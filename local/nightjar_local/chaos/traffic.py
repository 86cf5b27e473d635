"""The footage that lands during a round: real pictures, a few of them bad or sent again, one after the other.

Their times lie in the hours before, so that each trigger of a camera is an event of its own.
"""

import random
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from nightjar.stores.drop_zone import INCOMING
from nightjar_local.samples import Sample, another_shot, jpeg, unpacked
from nightjar_local.scenes import PICTURES
from nightjar_local.seaweedfs import S3Access

EARLIEST = timedelta(hours=5)  # an event that is older than six hours alerts nobody
BETWEEN_TRIGGERS = timedelta(minutes=2)  # more than the event gap of the sample rules, with all shots
SHOT_SECONDS = 7
CAMERAS = ("alice-porch", "bob-store", "bob-lobby", "carol-drive")
SCENES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "astronaut.png")
ODD = ("again", "truncated", "empty", "bad name", "tiny")
ODD_SHARE = 0.15


def footage(seed: int, now: datetime) -> Iterator[Sample]:
    """Footage without end, the same for the same seed and time; no two have the same name."""
    chance = random.Random(f"{seed} footage")  # noqa: S311 - the same every time is the point
    scenes = {scene: _opened(unpacked() / PICTURES / scene) for scene in set(SCENES)}
    number = 0
    while True:
        slot, camera = divmod(number, len(CAMERAS))
        began = now - EARLIEST + slot * BETWEEN_TRIGGERS
        scene = chance.choice(SCENES)
        for shot in range(chance.randint(1, 3)):
            moment = int((began + timedelta(seconds=shot * SHOT_SECONDS)).timestamp())
            name = f"{CAMERAS[camera]}-{moment}"
            picture = another_shot(scenes[scene], f"{seed} {number} {shot}")
            sample = Sample(f"{name}.jpg", jpeg(picture))
            if chance.random() >= ODD_SHARE:
                yield sample
            else:
                yield from _odd(chance.choice(ODD), name, sample, picture)
        number += 1


def _odd(kind: str, name: str, sample: Sample, picture: Image.Image) -> Iterator[Sample]:
    if kind == "again":
        yield sample
        yield Sample(f"{name}.jpeg", sample.body)
    elif kind == "truncated":
        yield Sample(sample.name, sample.body[: len(sample.body) // 2])
    elif kind == "empty":
        yield Sample(sample.name, b"")
    elif kind == "tiny":
        yield Sample(sample.name, jpeg(picture.resize((32, 24))))
    else:
        yield Sample(f"{{{{ {name} }}}}.jpg", sample.body)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


class Uploader:
    """Uploads footage in a thread, one object every `seconds`, each until S3 has taken it.

    `tries` has the name of each object that S3 has taken, and how often it was sent: an answer may be lost.
    """

    def __init__(self, access: S3Access, samples: Iterator[Sample], seconds: float) -> None:
        self.tries: dict[str, int] = {}
        self._access, self._samples, self._seconds = access, samples, seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Upload no more, once S3 has taken what is on its way."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        client = self._access.client(attempts=1)
        for sample in self._samples:
            tries = 1
            while not self._put(client, sample):
                tries += 1
                self._stopping.wait(0.5)
            self.tries[sample.name] = tries
            if self._stopping.wait(self._seconds):
                return

    def _put(self, client: Any, sample: Sample) -> bool:
        try:
            client.put_object(Bucket=self._access.bucket, Key=f"{INCOMING}{sample.name}", Body=sample.body)
        except (BotoCoreError, ClientError):
            return False
        return True
