"""A comparison for a terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nightjar.cli.tables import aligned
from nightjar.queries import comparison_words as words

if TYPE_CHECKING:
    from nightjar.domain.comparison.documents import Comparison, SumOf

_MOST_ROWS = 30  # of one table; the page and the JSON have all
_MOST_LISTED = 20


def as_text(comparison: "Comparison") -> Iterator[str]:
    """The lines for a terminal."""
    from nightjar.domain.comparison.documents import Kind
    from nightjar.domain.tally import many

    yield words.headline(comparison)
    yield f"Deployed: {words.name(comparison.before)}, rules {words.rules(comparison.before)}."
    yield f"Candidate: {words.name(comparison.after)}, rules {words.rules(comparison.after)}."
    pictures, cameras = many(comparison.pictures, "picture"), many(comparison.cameras, "camera")
    time = f"{comparison.start:%Y-%m-%d %H:%M} to {comparison.end:%Y-%m-%d %H:%M} UTC"
    yield f"{pictures} of {cameras}, taken {time}, which both detectors know."
    if comparison.before_only or comparison.after_only:
        yield (
            f"Left out: {comparison.before_only:,} that the deployed detector alone knows, {comparison.after_only:,} "
            "that the candidate alone knows."
        )
    for warning in words.warnings(comparison):
        yield f"Mind: {warning}"
    yield ""
    for each in comparison.words:
        yield f"{words.reviewed_in_words(each)}."
    for kind in Kind:
        for title, sums in (
            ("label", comparison.by_label),
            ("camera", comparison.by_camera),
            ("user", comparison.by_user),
        ):
            yield from _table(f"{kind} by {title}", comparison.of_kind(sums, kind))
    if words.are_two_detectors(comparison):
        yield f"Deployed: {words.speed_in_words(comparison.speed_before)}."
        yield f"Candidate: {words.speed_in_words(comparison.speed_after)}."
    yield from _examples(comparison)
    yield f"Assumed: {'; '.join(words.ASSUMED)}."


def _table(title: str, sums: "list[SumOf]") -> Iterator[str]:
    if not sums:
        return
    rows: list[tuple[object, ...]] = [(title, "deployed", "candidate", "gained", "lost")]
    most = sorted(sums, key=lambda each: -(each.tally.gained + each.tally.lost))[:_MOST_ROWS]
    shown = [each for each in sums if each in most]
    rows += [(each.name, each.tally.before, each.tally.after, each.tally.gained, each.tally.lost) for each in shown]
    yield from aligned(rows, right=(1, 2, 3, 4))
    if len(sums) > len(shown):
        yield f"and {len(sums) - len(shown):,} more; --json has all"
    yield ""


def _examples(comparison: "Comparison") -> Iterator[str]:
    if not comparison.examples:
        yield "Nothing is gained or lost."
        return
    rows = [("", "taken (UTC)", "camera", "why not", "said")]
    for each in comparison.examples[:_MOST_LISTED]:
        taken = f"{each.picture.taken_at:%Y-%m-%d %H:%M:%S}"
        rows.append((words.example_in_words(each), taken, each.picture.camera.name, each.why, each.verdict))
    yield from aligned(rows)
    if len(comparison.examples) > _MOST_LISTED:
        yield f"and {len(comparison.examples) - _MOST_LISTED:,} more pictures; the page and --json have them"
