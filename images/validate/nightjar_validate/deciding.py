"""The code and settings that decide what validate makes of footage."""

from nightjar.domain.layout import digest
from nightjar.domain.reasons import Reason
from nightjar.domain.rules import CameraRules
from nightjar.settings.validate import ValidateSettings
from nightjar_validate.decoded import Limits

# To be raised by whoever changes the outcome or the standard picture of any footage, by code or by a newer library. All
# footage is then validated anew where it is asked for; a test compares results with those of this version.
VALIDATOR_VERSION = 3


def limits_of(settings: ValidateSettings) -> Limits:
    """The part of the settings that a decoder needs."""
    return Limits(
        min_side=settings.min_side,
        max_pixels=settings.max_pixels,
        max_jpeg_pixels=settings.max_jpeg_pixels,
        long_side=settings.long_side,
        jpeg_quality=settings.jpeg_quality,
        grey_tolerance=settings.grey_tolerance,
        min_contrast=settings.min_contrast,
        void_contrast=settings.void_contrast,
        frames_per_second=settings.frames_per_second,
        max_video_seconds=settings.max_video_seconds,
        max_frames=settings.max_frames,
    )


def validator_id(settings: ValidateSettings) -> str:
    """16 hex digits that two validators share if and only if they make the same of all footage of all cameras."""
    sizes = f"{settings.max_still_bytes} {settings.max_video_bytes}"
    return digest(f"{VALIDATOR_VERSION} {limits_of(settings)} {sizes}")


def camera_settings(camera: CameraRules | None) -> str:
    """How the rules have the validator treat one camera's footage; None is a camera that they do not know."""
    if camera is None:
        return Reason.UNKNOWN_CAMERA.value
    return "grey-allowed" if camera.allow_grey else "colour-expected"
