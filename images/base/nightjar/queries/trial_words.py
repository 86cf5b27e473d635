"""A dry run in words: the line that sums it up, the parts of each alert, and the reasons, for terminal and pages."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from nightjar.domain.tally import many

if TYPE_CHECKING:
    from nightjar.domain.dry_run import Message
    from nightjar.queries.trial import Trial

# The reasons of conditions and of the policy, for people; others are words already.
REASONS = {
    "not-unsafe": "no rule of the camera names the label",
    "out-of-hours": "it is outside the rule's hours",
    "masked": "it stands in a mask",
    "outside-area": "it stands outside the rule's areas",
    "box-too-small": "its box is too small",
    "box-too-large": "its box is too large",
    "below-probability": "the detector is not sure enough",
    "false-box": "a person confirmed that nothing is there",
    "static": "it stands there like furniture",
    "too-few-pictures": "too few pictures agree",
    "alerts-off": "alerts are off",
    "muted": "the camera is muted",
    "quiet-hours": "it is in the quiet hours",
    "cool-down": "the camera's last alert was a moment before",
    "cap": "the user has had as many alerts as the cap allows",
    "not-seen": "the detector does not see it",
    "no-channel": "no channel is named for this severity",
}


def why_in_words(reason: str) -> str:
    """Why the other rules do not send an alert, as the end of a sentence."""
    return REASONS.get(reason, reason)


def what(message: "Message") -> str:
    """The labels that the message tells of: `person and car`."""
    from nightjar.domain.labels import listed

    return listed(dict.fromkeys(each.topic.label for each in message.about))


def rule(message: "Message") -> str:
    """The rule of what the message shows: `200 intruder`."""
    return f"{message.lead.topic.rule_id} {message.lead.rule.name}"


def when(message: "Message") -> str:
    """When it would have been sent, on the clock of who gets it."""
    return f"{message.lead.camera.local(message.at):%a %d %b %Y %H:%M:%S %Z}"


def held_in_words(held: Mapping[str, int]) -> str:
    """How many events would have been held back, and why: `12 quiet-hours, 3 cool-down`; or none."""
    return ", ".join(f"{number:,} {reason}" for reason, number in held.items()) or "none"


def headline(trial: "Trial") -> str:
    """The result in a line: how many alerts before and after, and how many of them differ."""
    before, after, gained, lost = sums(trial)
    now = f"{before:,} under the rules in force"
    return f"{many(after, 'alert')} instead of {now}: {gained:,} gained, {lost:,} lost"


def sums(trial: "Trial") -> tuple[int, int, int, int]:
    """All messages: under the rules in force, under the new ones, gained, lost."""
    columns = zip(*((c.before, c.after, c.gained, c.lost) for c in trial.counts), strict=True)
    before, after, gained, lost = map(sum, columns) if trial.counts else (0, 0, 0, 0)
    return before, after, gained, lost


def in_force_in_words(key: str | None = None, since: datetime | None = None, sha256: str | None = None) -> str:
    """The rules in force by their key, when they were put, and their SHA-256; without a key, that there are none."""
    if key is None or since is None:
        return "no rules, so no alerts"
    digest = f", SHA-256 {sha256[:12]}" if sha256 else ""
    return f"{key}, put {since:%Y-%m-%d %H:%M} UTC{digest}"
