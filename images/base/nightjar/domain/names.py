"""Names of footage: the contract with the team that uploads, and the only place that parses them.

`<user>-<device>-<time>.<ext>`: user and device are 1 to 64 of A-Z a-z 0-9 _; time is Unix time in UTC, 10 digits for
seconds or 13 for milliseconds; ext is 1 to 8 letters or digits. Any other name is refused, never repaired.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightjar.domain.model import iso_utc, utc_from_ms

VIDEO_EXTENSIONS = frozenset({"mp4", "m4v", "mov", "mkv", "webm", "avi"})

# A camera's clock may run ahead a little; a camera that lost its clock reports its epoch, decades back.
CLOCK_AHEAD = timedelta(minutes=10)
OLDEST = timedelta(days=3653)

_PART = r"[A-Za-z0-9_]{1,64}"
_CAMERA = re.compile(rf"({_PART})-({_PART})")
_NAME = re.compile(rf"({_PART})-({_PART})-([0-9]{{10}}|[0-9]{{13}})\.([A-Za-z0-9]{{1,8}})")
_SHOWN = 120  # characters of an untrusted name that a message repeats


class NameRefused(ValueError):  # noqa: N818 - reads as the outcome it is
    """The name breaks the contract; the message says what was expected and what came."""


@dataclass(frozen=True, order=True)
class Camera:
    """One user's one device."""

    user: str
    device: str

    @property
    def name(self) -> str:
        """`<user>-<device>`, unique, safe in keys, file names and labels."""
        return f"{self.user}-{self.device}"

    @classmethod
    def parse(cls, name: str) -> "Camera":
        """The camera called `<user>-<device>`; raises NameRefused."""
        match = _CAMERA.fullmatch(name)
        if not match:
            raise NameRefused(f"expected <user>-<device>, each 1 to 64 of A-Z a-z 0-9 _, got {shown(name)}")
        return cls(match[1], match[2])


@dataclass(frozen=True, order=True)
class FootageName:
    """A parsed name. Two names with equal camera and time name the same moment, however they are written."""

    camera: Camera
    taken_at_ms: int
    extension: str

    @property
    def taken_at(self) -> datetime:
        """When it was taken (for a video: when it begins), UTC."""
        return utc_from_ms(self.taken_at_ms)

    @property
    def is_video(self) -> bool:
        """Whether the extension says video. The content decides what it is; this only tells identities apart."""
        return self.extension in VIDEO_EXTENSIONS

    @property
    def stem(self) -> str:
        """The canonical name without the extension."""
        return f"{self.camera.name}-{time_digits(self.taken_at_ms)}"

    @property
    def canonical(self) -> str:
        """The one way this name is written in the bucket: shortest time, lower-case extension, jpeg as jpg."""
        return f"{self.stem}.{self.extension}"


def time_digits(taken_at_ms: int) -> str:
    """Unix seconds in 10 digits when there is no millisecond part, else milliseconds in 13."""
    seconds, rest = divmod(taken_at_ms, 1000)
    return f"{seconds:010d}" if rest == 0 else f"{taken_at_ms:013d}"


def parse_time_digits(digits: str) -> int:
    """Milliseconds since the epoch of what `time_digits` (or an uploader) wrote; raises NameRefused."""
    if not re.fullmatch(r"[0-9]{10}|[0-9]{13}", digits, re.ASCII):
        raise NameRefused(f"expected a Unix time of 10 or 13 digits, got {shown(digits)}")
    return int(digits) if len(digits) == 13 else int(digits) * 1000


def parse_footage_name(name: str) -> FootageName:
    """Parse `name` (without any folder); raises NameRefused for whatever breaks the contract."""
    match = _NAME.fullmatch(name)
    if not match:
        raise NameRefused(name_refusal(name))
    extension = match[4].lower()
    return FootageName(
        camera=Camera(match[1], match[2]),
        taken_at_ms=parse_time_digits(match[3]),
        extension="jpg" if extension == "jpeg" else extension,
    )


def name_refusal(name: str) -> str:
    """The sentence that refuses a `name` which breaks the contract."""
    place = " in no folder" if "/" in name else ""
    return f"expected <user>-<device>-<unixtime>.<ext>{place}, got {shown(name)}"


def check_time(name: FootageName, received_at: datetime) -> None:
    """Raise NameRefused unless the time in the name is plausible for something received at `received_at` (aware)."""
    earliest, latest = received_at - OLDEST, received_at + CLOCK_AHEAD
    if not earliest <= name.taken_at <= latest:
        raise NameRefused(
            f"expected a time from {iso_utc(earliest)} to {iso_utc(latest)}, got {iso_utc(name.taken_at)}"
        )


def shown(text: str) -> str:
    """Untrusted `text` for a message: quoted, escaped, ASCII, cut to a bounded length."""
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
    return ascii(cut)
