"""Settings of the validate stage: limits, how pictures are standardised, and how decoders are kept."""

from typing import Annotated

from pydantic import Field

from nightjar.runtime.settings import Settings


class ValidateSettings(Settings):
    """The first part decides the result; from `still_seconds` on they only decide the pace and the safety."""

    max_still_bytes: Annotated[int, Field(ge=1, description="bytes of a still")] = 64 << 20
    max_video_bytes: Annotated[int, Field(ge=1, description="bytes of a video")] = 4 << 30
    min_side: Annotated[int, Field(ge=1, le=4096, description="pixels of the shorter side, at least")] = 64
    max_pixels: Annotated[
        int, Field(ge=1, description="pixels of a PNG, a WebP or a frame, which are decoded whole, at most")
    ] = 50_000_000
    max_jpeg_pixels: Annotated[
        int, Field(ge=1, description="pixels of a JPEG, which is shrunk as it is decoded, at most")
    ] = 250_000_000
    long_side: Annotated[
        int, Field(ge=64, le=8192, description="pixels of a standard picture's longer side, at most")
    ] = 1280
    jpeg_quality: Annotated[int, Field(ge=1, le=95, description="of standard pictures")] = 85
    grey_tolerance: Annotated[int, Field(ge=0, le=127, description="levels of colour that still count as grey")] = 5
    min_contrast: Annotated[int, Field(ge=0, le=255, description="levels between dark and light, at least")] = 24
    void_contrast: Annotated[int, Field(ge=0, le=255, description="levels below which a picture is void")] = 12
    frames_per_second: Annotated[float, Field(gt=0, le=60, description="pictures taken from a second of video")] = 1.0
    max_video_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=86_400,
            description="seconds of footage taken from a video, at most: each picture stands for 1 / "
            "NIGHTJAR_FRAMES_PER_SECOND",
        ),
    ] = 3600.0
    max_frames: Annotated[int, Field(ge=1, le=1_000_000, description="pictures taken from a video, at most")] = 3600

    still_seconds: Annotated[int, Field(ge=1, le=600, description="seconds of computing for a still")] = 20
    video_seconds: Annotated[int, Field(ge=1, le=7200, description="seconds of computing for a video")] = 900
    decoder_mebibytes: Annotated[int, Field(ge=256, le=65_536, description="MiB of memory for each decoder")] = 1024
    decoders: Annotated[int, Field(ge=0, le=256, description="processes; 0: as many as CPUs and memory allow")] = 0
