"""Ways to put right a refusal: what an owner or an operator does about each reason, and whether a retry helps."""

from enum import Enum

from nightjar.domain.reasons import Reason


class Remedy(Enum):
    """A way: its `title`, what to do in a sentence or two, and whether the same bytes may pass once it is done."""

    MEND_LIMITS = (
        "the rules or a limit",
        "Mend the rules or the setting, then retry: the original is kept, and uploading the same bytes again only "
        "makes a duplicate.",
        True,
    )
    MAKE_READABLE = (
        "S3 does not give it",
        "It is archived, or its key is disabled: it stays in `incoming/` under a delete marker. Make it readable, then "
        "retry.",
        True,
    )
    UPLOAD_ANEW = (
        "the name, or no bytes",
        "Nothing was filed. Upload it under the right name, or the whole object under the same name.",
        False,
    )
    UPLOAD_WHOLE = (
        "only a part came",
        "Upload the whole object under the same name: it takes the place of the part, is looked at, and the refusal of "
        "the part leaves the list.",
        False,
    )
    OTHER_TIME = (
        "the content",
        "The name is taken by what came first. Upload the mended object with another time in its name, such as one "
        "millisecond later.",
        False,
    )

    def __init__(self, title: str, advice: str, retry_helps: bool) -> None:
        self.title, self.advice, self.retry_helps = title, advice, retry_helps

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The reasons that it puts right."""
        return tuple(reason for reason in Reason if remedy_of(reason) is self)


_REMEDIES = {
    Reason.UNKNOWN_CAMERA: Remedy.MEND_LIMITS,
    Reason.TOO_MANY_BYTES: Remedy.MEND_LIMITS,
    Reason.TOO_SMALL: Remedy.MEND_LIMITS,
    Reason.TOO_MANY_PIXELS: Remedy.MEND_LIMITS,
    Reason.GREY: Remedy.MEND_LIMITS,
    Reason.LOW_CONTRAST: Remedy.MEND_LIMITS,
    Reason.VIDEO_TOO_LONG: Remedy.MEND_LIMITS,
    Reason.DECODER_CRASHED: Remedy.MEND_LIMITS,
    Reason.DECODER_TIMEOUT: Remedy.MEND_LIMITS,
    Reason.DECODER_OUT_OF_MEMORY: Remedy.MEND_LIMITS,
    Reason.UNREADABLE: Remedy.MAKE_READABLE,
    Reason.BAD_NAME: Remedy.UPLOAD_ANEW,
    Reason.IMPLAUSIBLE_TIME: Remedy.UPLOAD_ANEW,
    Reason.EMPTY: Remedy.UPLOAD_ANEW,
    Reason.TRUNCATED: Remedy.UPLOAD_WHOLE,
}


def remedy_of(reason: str) -> Remedy:
    """The way to put right a refusal for `reason`; of one that this release does not know, as for the content."""
    return _REMEDIES.get(Reason(reason), Remedy.OTHER_TIME) if reason in set(Reason) else Remedy.OTHER_TIME
