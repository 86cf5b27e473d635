"""How long a bucket keeps what, by kind, in days; 0 is for good. Pure.

Some kinds are of use only beside others, or guard against something as long as they are there: `problems` tells.
"""

from typing import Annotated

from pydantic import Field, model_validator

from nightjar.domain.model import Input

Days = Annotated[int, Field(ge=0, le=36500)]

# An event that is alerted again, since its line in the ledger has expired, may not be as young as alerts are about.
_LEAST_EVENTS = 8
# Runs are cleared, and shown by pages, for a week.
_LEAST_RUNS = 8


class Keep(Input):
    """Whole days after which objects of a kind are deleted, with all versions; counted from when they were written.

    Rules, mutes, false boxes and a camera's health are of now, and never expire; nor does what waits in the drop zone.
    """

    footage: Annotated[Days, Field(description="originals: what detecting again and reproducing need")] = 0
    pictures: Annotated[Days, Field(description="standard pictures: what alerts, pages and detecting again show")] = 0
    quarantine: Annotated[Days, Field(description="refused originals and why; a retry needs them")] = 0
    detections: Annotated[
        Days, Field(description="what was validated and seen: later runs compute again what has expired")
    ] = 0
    events: Annotated[
        Days, Field(description="events, their threats, alerts, reviews, digests and the outbox; at least 8, or 0")
    ] = 0
    records: Annotated[Days, Field(description="the warehouse: what reports and searches are made of")] = 0
    reports: Annotated[Days, Field(description="the pages of days, and old versions of them")] = 0
    runs: Annotated[
        Days, Field(description="folders of runs: releases, manifests, accounts, lineage; at least 8, or 0")
    ] = 0
    comparisons: Annotated[Days, Field(description="comparisons of detectors and rules")] = 365
    reproductions: Annotated[Days, Field(description="copies and answers of reproductions")] = 30

    @model_validator(mode="after")
    def _possible(self) -> "Keep":
        if problems := self.problems():
            raise ValueError("; ".join(problems))
        return self

    def problems(self) -> list[str]:
        """Each combination that would not work, as a sentence."""
        problems = [
            f"expected {name} to be kept for good (0) or at least {least} days, got {days}: {why}"
            for name, least, days, why in (
                ("events", _LEAST_EVENTS, self.events, "who was told is known by them, and is not told again"),
                ("runs", _LEAST_RUNS, self.runs, "runs are cleared and looked at for a week"),
            )
            if 0 < days < least
        ]
        if self.footage and (self.pictures == 0 or self.pictures > self.footage) and self.detections:
            # Whoever looks again would find pictures without the originals that say which there are.
            problems += [
                f"expected pictures to be kept no longer than footage ({self.footage} days) where detections expire: "
                "detecting again begins with the footage"
            ]
        return problems

    def expiring(self) -> dict[str, int]:
        """The kinds that are not kept for good, with their days."""
        return {name: days for name in type(self).model_fields if (days := int(getattr(self, name)))}
