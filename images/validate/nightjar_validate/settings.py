"""Settings of validate: limits, how pictures are standardised, and how decoders are kept."""

import math
import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from nightjar.domain.layout import digest
from nightjar.runtime.settings import Settings
from nightjar_validate.decoded import Limits

# Of the pod's memory, what this process keeps for itself and for footage on its way.
_OWN_BYTES = 256 << 20
_CGROUP = Path("/sys/fs/cgroup")  # version 2, as the pod sees it


def pod_limit(name: str, cgroup: Path = _CGROUP) -> list[int] | None:
    """The numbers in one of the pod's cgroup files; None where there is no limit."""
    try:
        words = (cgroup / name).read_text().split()
    except OSError:
        return None
    return None if not words or words[0] == "max" else [int(word) for word in words]


def _pod_cpus() -> float:
    """CPUs that the pod may use: a limit in Kubernetes is a quota, and leaves all CPUs of the node in sight."""
    quota = pod_limit("cpu.max")
    seen = len(os.sched_getaffinity(0))
    return min(seen, quota[0] / quota[1]) if quota else seen


class ValidateSettings(Settings):
    """What decides the result (`limits`, the largest files) and what only decides the pace and the safety."""

    max_still_bytes: Annotated[int, Field(ge=1, description="bytes of a still")] = 64 << 20
    max_video_bytes: Annotated[int, Field(ge=1, description="bytes of a video")] = 4 << 30
    min_side: Annotated[int, Field(ge=1, le=4096, description="pixels of the shorter side, at least")] = 64
    max_pixels: Annotated[int, Field(ge=1, description="pixels of a picture, at most")] = 50_000_000
    long_side: Annotated[
        int, Field(ge=64, le=8192, description="pixels of a standard picture's longer side, at most")
    ] = 1280
    jpeg_quality: Annotated[int, Field(ge=1, le=95, description="of standard pictures")] = 85
    grey_tolerance: Annotated[int, Field(ge=0, le=127, description="levels of colour that still count as grey")] = 5
    min_contrast: Annotated[int, Field(ge=0, le=255, description="levels between dark and light, at least")] = 24
    void_contrast: Annotated[int, Field(ge=0, le=255, description="levels below which a picture is void")] = 12
    frames_per_second: Annotated[float, Field(gt=0, le=60, description="pictures taken from a second of video")] = 1.0
    max_video_seconds: Annotated[float, Field(gt=0, le=86_400, description="seconds that a video may last")] = 3600.0
    max_frames: Annotated[int, Field(ge=1, le=1_000_000, description="pictures taken from a video, at most")] = 3600

    still_seconds: Annotated[int, Field(ge=1, le=600, description="seconds of computing for a still")] = 20
    video_seconds: Annotated[int, Field(ge=1, le=7200, description="seconds of computing for a video")] = 900
    decoder_mebibytes: Annotated[int, Field(ge=128, le=65_536, description="MiB of memory for each decoder")] = 1024
    decoders: Annotated[int, Field(ge=0, le=256, description="processes; 0: as many as CPUs and memory allow")] = 0

    @property
    def limits(self) -> Limits:
        """What a decoder needs to know."""
        return Limits(
            min_side=self.min_side,
            max_pixels=self.max_pixels,
            long_side=self.long_side,
            jpeg_quality=self.jpeg_quality,
            grey_tolerance=self.grey_tolerance,
            min_contrast=self.min_contrast,
            void_contrast=self.void_contrast,
            frames_per_second=self.frames_per_second,
            max_video_seconds=self.max_video_seconds,
            max_frames=self.max_frames,
        )

    @property
    def decoder_count(self) -> int:
        """How many decoders to keep."""
        if self.decoders:
            return self.decoders
        memory = pod_limit("memory.max")
        room = math.inf if memory is None else (memory[0] - _OWN_BYTES) // (self.decoder_mebibytes << 20)
        return max(1, int(min(_pod_cpus(), room)))

    def fingerprint(self, allow_grey: bool) -> str:
        """What tells apart settings, the camera's included, under which the same footage gives another result."""
        return digest(f"{self.limits} {self.max_still_bytes} {self.max_video_bytes} {allow_grey}")
