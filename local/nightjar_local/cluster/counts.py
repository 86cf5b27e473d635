"""The account of the sample footage that every deployment must give, as the demo gives it on a laptop."""

from collections import Counter
from collections.abc import Sequence

# As README shows it; a test compares the two.
EXPECTED = (
    "129 triggers (5 videos) gave 155 pictures: 17 refused, 2 duplicates, 101 harmless, 35 threats in 11 events.",
    "9 alerts, one an event: 4 alice, 1 bob, 4 carol",
    "3 notices of cameras in trouble: 1 alice, 2 bob",
    "not alerted, in the digest: 2 bob",
    "harmless: 46 with nothing that a rule names, 24 below-probability, 16 with nothing in them, 8 static, "
    "7 outside-area",
    "refused: 2 bad-name, 1 corrupt, 1 empty, 1 grey, 1 identity-conflict, 1 implausible-time, 1 too-small, "
    "2 truncated, 1 unknown-camera, 1 unsupported-format, 5 void",
)
HARMLESS = "harmless: "
NOTICES = "notices of cameras in trouble"  # they come from the patrol, in its own time


def count_problems(found: str, problem: str | None, expected: Sequence[str] = EXPECTED) -> list[str]:
    """How the headline of a summary differs from the expected one, a line each; `problem` is the summary's own."""
    lines = [line.strip() for line in found.splitlines()]
    wrong = [
        f"expected {want!r}, got {got!r}"
        for want, got in zip(expected, lines, strict=False)
        if _at_any_hour(want) != _at_any_hour(got) and NOTICES not in want
    ]
    missing = [f"expected {want!r}, got nothing" for want in expected[len(lines) :]]
    return [*([problem] if problem else []), *wrong, *missing]


def _at_any_hour(line: str) -> list[str]:
    """A line in parts that may be compared: a weak sight of a vehicle is below-probability at night, and out-of-hours
    by day.
    """
    if not line.startswith(HARMLESS):
        return [line]
    counts: Counter[str] = Counter()
    for part in line.removeprefix(HARMLESS).split(", "):
        number, _, reason = part.partition(" ")
        counts["below-probability" if reason == "out-of-hours" else reason] += int(number) if number.isdigit() else 0
    return sorted(f"{number} {reason}" for reason, number in counts.items())
