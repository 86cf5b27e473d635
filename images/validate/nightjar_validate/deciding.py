"""The settings that decide what validate makes of footage."""

from nightjar.domain.layout import digest
from nightjar.settings.validate import ValidateSettings
from nightjar_validate.decoded import Limits


def limits_of(settings: ValidateSettings) -> Limits:
    """The part of the settings that a decoder needs."""
    return Limits(
        min_side=settings.min_side,
        max_pixels=settings.max_pixels,
        long_side=settings.long_side,
        jpeg_quality=settings.jpeg_quality,
        grey_tolerance=settings.grey_tolerance,
        min_contrast=settings.min_contrast,
        void_contrast=settings.void_contrast,
        frames_per_second=settings.frames_per_second,
        max_video_seconds=settings.max_video_seconds,
        max_frames=settings.max_frames,
    )


def settings_fingerprint(settings: ValidateSettings, allow_grey: bool) -> str:
    """Differs between settings, the camera's included, under which the same footage gives another result."""
    return digest(f"{limits_of(settings)} {settings.max_still_bytes} {settings.max_video_bytes} {allow_grey}")
