"""Refusals as the page shows them: untrusted names made harmless, and why there is no preview. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from nightjar.domain.quarantine import QuarantineEntry
from nightjar.domain.reasons import Reason
from nightjar.domain.remedies import Remedy, remedy_of
from nightjar.queries.refused import Refused, printable
from nightjar.queries.refused_list import Listed
from nightjar.stores.quarantine import QUARANTINE
from nightjar.stores.runs import LIVE

LONGEST = 1024  # characters of a name or a sentence that one refusal's own page shows: as long as a key of S3 may be

_UNREAD = "Never decoded: it was refused by its {}."
_WITHOUT_PREVIEW: Mapping[str, str] = {
    Reason.BAD_NAME: _UNREAD.format("name"),
    Reason.IMPLAUSIBLE_TIME: _UNREAD.format("name"),
    Reason.UNKNOWN_CAMERA: _UNREAD.format("name"),
    Reason.IDENTITY_CONFLICT: _UNREAD.format("name"),
    Reason.EMPTY: "There is nothing to see: it has no bytes.",
    Reason.TOO_MANY_BYTES: _UNREAD.format("size"),
    Reason.TOO_MANY_PIXELS: _UNREAD.format("size"),
    Reason.UNREADABLE: "Never decoded: S3 does not give it.",
    Reason.UNSUPPORTED_FORMAT: _UNREAD.format("format"),
    Reason.TRUNCATED: "No preview: its data is damaged.",
    Reason.CORRUPT: "No preview: its data is damaged.",
    Reason.NO_VIDEO: "No preview: its data is damaged.",
    Reason.DECODER_CRASHED: "Its decoder died before it had a picture.",
    Reason.DECODER_TIMEOUT: "Its decoder was stopped before it had a picture.",
    Reason.DECODER_OUT_OF_MEMORY: "Its decoder was stopped before it had a picture.",
}
_BEFORE_PREVIEWS = "It was refused by a release that kept no previews."


@dataclass(frozen=True)
class Card:
    """One refusal in the list."""

    listed: Listed

    @property
    def path(self) -> str:
        """Its folder below `quarantine/`, without the last slash, for an address."""
        return folder_path(self.listed.row.folder)

    @property
    def reason(self) -> str:
        """Why it was refused."""
        return self.listed.row.reason

    @property
    def camera(self) -> str:
        """`<user>-<device>`; empty where the name tells none."""
        return self.listed.row.camera

    @property
    def at(self) -> datetime | None:
        """When it was taken or, where its name does not tell, received; None where nothing tells."""
        return self.listed.refused.at if self.listed.refused else self.listed.row.taken_at

    @property
    def problem(self) -> str:
        """Why there is no more to tell; empty if there is."""
        return printable(self.listed.problem, LONGEST)

    @cached_property
    def told(self) -> "Told | None":
        """The facts of its `reason.json`; None when that cannot be read."""
        return Told(self.listed.refused) if self.listed.refused else None


@dataclass(frozen=True)
class Told:
    """The facts of a `reason.json`, ready to be shown; texts have at most `longest` characters."""

    refused: Refused
    longest: int = 100

    @property
    def path(self) -> str:
        """Its folder below `quarantine/`, without the last slash, for an address."""
        return folder_path(self.refused.folder)

    @property
    def entry(self) -> QuarantineEntry:
        """All that the document says."""
        return self.refused.entry

    @property
    def name(self) -> str:
        """The name as it landed."""
        return printable(self.refused.name, self.longest) or "(no name)"

    @property
    def source(self) -> str:
        """The key of the version that was refused."""
        return printable(self.entry.source_key, self.longest)

    @property
    def is_unreadable(self) -> bool:
        """Whether S3 did not give the object, so that quarantine has no copy of it."""
        return self.entry.reason == Reason.UNREADABLE

    @property
    def expected(self) -> str:
        """The value that would have been good; empty where that is not told apart."""
        return printable(self.entry.expected, self.longest)

    @property
    def found(self) -> str:
        """The value that came."""
        detail = f" ({self.entry.detail})" if self.entry.detail else ""
        return printable(f"{self.entry.found}{detail}", self.longest)

    @property
    def remedy(self) -> Remedy:
        """The way to put it right."""
        return remedy_of(str(self.entry.reason))

    @property
    def known_reason(self) -> str:
        """Why it was refused, as the command line takes it; empty for a reason of a later release."""
        return self.entry.reason.value if isinstance(self.entry.reason, Reason) else ""

    @property
    def has_preview(self) -> bool:
        """Whether validate made a small picture of it."""
        return bool(self.entry.preview_sha256)

    @property
    def note(self) -> str:
        """The words below the preview: what it is a copy of."""
        is_video = bool(self.refused.named and self.refused.named.is_video)
        if is_video and not self.entry.detail:
            return "A small copy of the first picture of the video, which the sealed decoder made."
        is_damaged = self.entry.reason in (Reason.TRUNCATED, Reason.CORRUPT)
        rest = ", grey or wrong where data is missing" if is_damaged else ""
        return f"A small copy that the sealed decoder made{rest}."

    @property
    def why_no_preview(self) -> str:
        """A sentence for where the picture would be."""
        return _WITHOUT_PREVIEW.get(str(self.entry.reason), _BEFORE_PREVIEWS)

    @property
    def dag(self) -> str:
        """The DAG of the run that refused it; empty where the release that did so did not note it."""
        return self.refused.run.partition("/")[0]

    @property
    def run(self) -> str:
        """The folder of that run, which is also its id for runs of nightjar_live; empty as above."""
        return self.refused.run.partition("/")[2]

    @property
    def is_live(self) -> bool:
        """Whether its run can be found in Airflow by its folder."""
        return self.dag == LIVE and bool(self.run)


def folder_path(folder: str) -> str:
    """A folder of quarantine as addresses of this page have it."""
    return folder.removeprefix(QUARANTINE).strip("/")
