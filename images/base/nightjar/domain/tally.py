"""The sum of a period in a sentence: how many triggers gave how many pictures, and the outcome of each picture."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """Counts of pictures, each in exactly one of them, but for `triggers`, `videos` (of those) and `events`.

    `refused` are in quarantine, `threats` are the pictures in which a rule saw a threat, `harmless` those in which no
    rule did; `failed` could not be validated or detected in, `unjudged` were detected in and not assessed.
    """

    triggers: int
    videos: int
    refused: int
    duplicates: int
    harmless: int
    threats: int
    events: int
    failed: int = 0
    unjudged: int = 0

    @property
    def pictures(self) -> int:
        """All pictures that the triggers gave."""
        return self.refused + self.duplicates + self.failed + self.unjudged + self.harmless + self.threats

    def __str__(self) -> str:
        """Such as "85 triggers (4 videos) gave 108 pictures: 12 refused, 1 duplicate, 81 harmless, 14 threats in 6
        events"; failed and unjudged pictures are named only where there are any.
        """
        rare = [
            f"{number:,} {name}" for name, number in (("failed", self.failed), ("not judged", self.unjudged)) if number
        ]
        outcomes = [
            f"{self.refused:,} refused",
            many(self.duplicates, "duplicate"),
            *rare,
            f"{self.harmless:,} harmless",
            f"{many(self.threats, 'threat')} in {many(self.events, 'event')}"
            if self.threats or self.events
            else "0 threats",
        ]
        videos = f" ({many(self.videos, 'video')})" if self.videos else ""
        return f"{many(self.triggers, 'trigger')}{videos} gave {many(self.pictures, 'picture')}: {', '.join(outcomes)}"


def many(number: int, noun: str) -> str:
    """`number` with `noun` in its singular or plural: "1 event", "1,200 events"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
