"""Why footage is refused: the fixed list, with what an owner or an operator should make of each."""

from enum import StrEnum


class Reason(StrEnum):
    """A reason is a folder below `quarantine/`, a key in the counts and a row in the README."""

    BAD_NAME = "bad-name"
    IMPLAUSIBLE_TIME = "implausible-time"
    IDENTITY_CONFLICT = "identity-conflict"
    UNKNOWN_CAMERA = "unknown-camera"
    EMPTY = "empty"
    TOO_MANY_BYTES = "too-many-bytes"
    UNREADABLE = "unreadable"
    UNSUPPORTED_FORMAT = "unsupported-format"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    TOO_SMALL = "too-small"
    TOO_MANY_PIXELS = "too-many-pixels"
    GREY = "grey"
    LOW_CONTRAST = "low-contrast"
    VOID = "void"
    NO_VIDEO = "no-video"
    VIDEO_TOO_LONG = "video-too-long"
    CLOCK_JUMP = "clock-jump"
    DECODER_CRASHED = "decoder-crashed"
    DECODER_TIMEOUT = "decoder-timeout"
    DECODER_OUT_OF_MEMORY = "decoder-out-of-memory"

    @property
    def meaning(self) -> str:
        """One sentence: what was found and what to do."""
        return _MEANING[self]


_MEANING = {
    Reason.BAD_NAME: "The name is not `<user>-<device>-<unixtime>.<ext>`: mend the uploader.",
    Reason.IMPLAUSIBLE_TIME: "The time in the name is in the future or over ten years old: set the camera's clock.",
    Reason.IDENTITY_CONFLICT: "Other content is already filed under the same user, device and time: "
    "the first is kept; give the two different times.",
    Reason.UNKNOWN_CAMERA: "The user or device is not in `config/rules.yaml`: add it, then run "
    "`nightjar retry --reason unknown-camera`.",
    Reason.EMPTY: "The object has no bytes: upload the whole one; if it repeats, look at the camera's storage.",
    Reason.TOO_MANY_BYTES: "The object is larger than the limit for a still or a video.",
    Reason.UNREADABLE: "S3 does not give the object, but gives others (archived, its key disabled): it stays below "
    "`incoming/` under a delete marker. Make it readable, then run `nightjar retry --reason unreadable`.",
    Reason.UNSUPPORTED_FORMAT: "The content is not JPEG, PNG, WebP, MP4, MOV, MKV or AVI, whatever the name says.",
    Reason.TRUNCATED: "Data is missing: the end, as an upload broke off, or the start, as a clip begins between key "
    "frames. Pictures that such a video still held were used.",
    Reason.CORRUPT: "The data is damaged: a part of the picture is missing or wrong. Good parts of a video were used.",
    Reason.TOO_SMALL: "The picture has too few pixels to see anything in.",
    Reason.TOO_MANY_PIXELS: "The picture has more pixels than the limit of its format, which keeps out bombs.",
    Reason.GREY: "The picture has no colour and the camera is not marked `allow_grey` in the rules.",
    Reason.LOW_CONTRAST: "The picture is nearly uniform: fog, glare, dirt on the lens.",
    Reason.VOID: "The picture is black or of one colour: the lens is covered or the camera is broken.",
    Reason.NO_VIDEO: "The file holds no video stream or no frame.",
    Reason.VIDEO_TOO_LONG: "The video holds more pictures than the limit: the first were used; upload it in parts.",
    Reason.CLOCK_JUMP: "The times in the video jump: the pictures before that were used, those after it have no time "
    "that can be trusted. Look after the camera's clock.",
    Reason.DECODER_CRASHED: "The decoder died on this object, in isolation: keep it for a bug report.",
    Reason.DECODER_TIMEOUT: "Decoding took longer than the limit.",
    Reason.DECODER_OUT_OF_MEMORY: "Decoding needed more memory than the limit.",
}
