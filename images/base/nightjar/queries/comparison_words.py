"""A comparison in words: the line that sums it up, names of the sides, and what a person wants to know first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nightjar.domain.tally import many
from nightjar.queries.trial_words import why_in_words

if TYPE_CHECKING:
    from nightjar.domain.comparison.documents import Comparison, Example, SideRef, Speed, Words

ASSUMED = (
    "every picture arrives, is judged and is told about at the moment when it was taken",
    "both sides were deployed all the time, from a day before the first picture on",
    "cameras that people muted by a link or a command are not muted here",
    "only pictures that both detectors know are counted",
)
_VERDICTS = {"false-alarm": "called a false alarm", "confirmed": "confirmed"}


def name(side: "SideRef") -> str:
    """A side for people: the tag and the model of its detector, and the beginning of its rules' SHA-256."""
    model = f" ({side.model})" if side.model and side.model != side.tag else ""
    return f"{side.tag or side.detector}{model}"


def rules(side: "SideRef") -> str:
    """The rules of a side, short."""
    return side.rules[:12] or "no rules"


def are_two_detectors(comparison: "Comparison") -> bool:
    """Whether the sides differ in their detectors, not in their rules alone."""
    return comparison.before.detector != comparison.after.detector


def headline(comparison: "Comparison") -> str:
    """The result in a line: how many alerts each side sends, and how many of them differ."""
    from nightjar.domain.comparison.documents import Kind

    alerts = comparison.total(Kind.ALERTS)
    return f"{many(alerts.after, 'alert')} instead of {alerts.before:,}: {alerts.gained:,} gained, {alerts.lost:,} lost"


def reviewed_in_words(words: "Words") -> str:
    """One verdict: `of 12 events confirmed, the candidate loses 1 of the 11 that the deployed side has`."""
    said = _VERDICTS.get(words.verdict, f"called {words.verdict}")
    news = f", and has {words.new:,} that the deployed side has not" if words.new else ""
    return (
        f"{many(words.reviewed, 'event')} {said}: {words.before:,} on the deployed side, of which "
        f"{words.gone:,} {'goes' if words.gone == 1 else 'go'} with the candidate{news}"
    )


def speed_in_words(speed: "Speed") -> str:
    """`14.2 pictures a second, 310 MiB at the most`, or that nothing was measured."""
    if speed.pictures_per_second is None:
        return "not measured"
    memory = f", {speed.peak_memory_bytes / (1 << 20):,.0f} MiB at the most" if speed.peak_memory_bytes else ""
    return f"{speed.pictures_per_second:,.1f} pictures a second{memory} ({many(speed.looks, 'look')})"


def example_in_words(example: "Example") -> str:
    """`alert lost: person, rule 200 intruder`."""
    kind = str(example.kind).removesuffix("s")
    by = f", rule {example.rule}" if example.rule else ""
    return f"{kind} {example.change}: {example.label}{by}"


def why(example: "Example") -> str:
    """Why the other side does not have it, as a sentence; empty where the picture says it."""
    if not example.why:
        return ""
    other = "The candidate" if example.change == "lost" else "The deployed side"
    return f"{other} does not send it: {why_in_words(example.why)}."


def warnings(comparison: "Comparison") -> Iterator[str]:
    """The reservations that a person has to know before believing the rest."""
    if comparison.unseen:
        yield f"Rules name labels that the candidate cannot see: {', '.join(comparison.unseen)}."
    if comparison.failed:
        number = many(len(comparison.failed), "shard")
        yield f"The candidate did not get {number} done: {'; '.join(comparison.failed[:3])}."
    left_out = comparison.before_only + comparison.after_only
    if left_out > comparison.pictures:
        yield (
            f"{many(left_out, 'picture')} that only one of the detectors knows: left out. The comparison covers the "
            "smaller part."
        )
