"""The sum of what was compared, over users and days. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from nightjar.domain.comparison.documents import (
    Comparison,
    CountedThings,
    Kind,
    Speed,
    SumOf,
    Tally,
    UserCompared,
)
from nightjar.domain.comparison.pictures import most_telling
from nightjar.domain.comparison.reviewed import in_numbers
from nightjar.domain.names import Camera
from nightjar.domain.rules import Rules
from nightjar.errors import InputError

MOST_EXAMPLES = 60


def add_up(
    parts: Sequence[UserCompared],
    unseen: Iterable[str] = (),
    failed: Iterable[str] = (),
    speeds: tuple[Speed, Speed] = (Speed(), Speed()),
) -> Comparison:
    """The sum of `parts`, all of the same two detectors; `speeds` are of the deployed one and the candidate.

    Raises InputError where there is nothing to add up.
    """
    if not parts:
        raise InputError("expected pictures that both sides know, found none")
    newest = max(parts, key=lambda part: part.end)
    things = [(part.user, each) for part in parts for each in part.counts]
    totals: dict[str, Tally] = {}
    for _, each in things:
        totals[str(each.kind)] = totals.get(str(each.kind), Tally()).plus(each.tally)
    return Comparison(
        before=newest.before,
        after=newest.after,
        start=min(part.start for part in parts),
        end=newest.end,
        users=len({part.user for part in parts if part.pictures}),
        cameras=_cameras(parts),
        pictures=sum(part.pictures for part in parts),
        before_only=sum(part.before_only for part in parts),
        after_only=sum(part.after_only for part in parts),
        totals=totals,
        by_label=_sums(things, lambda user, each: each.label),
        by_camera=_sums(things, lambda user, each: Camera(user, each.device).name),
        by_user=_sums(things, lambda user, each: user),
        held_before=_held(part.held_before for part in parts),
        held_after=_held(part.held_after for part in parts),
        words=in_numbers(each for part in parts for each in part.reviewed),
        unseen=tuple(sorted(unseen)),
        failed=tuple(sorted(failed)),
        speed_before=speeds[0],
        speed_after=speeds[1],
        examples=tuple(most_telling((each for part in parts for each in part.examples), MOST_EXAMPLES)),
    )


def unseen_labels(rules: Rules | None, labels: Sequence[str]) -> list[str]:
    """The labels that rules name and a detector with these `labels` cannot see; none where its labels are not known."""
    if rules is None or not labels:
        return []
    return sorted({label for several in rules.unseen_labels(labels).values() for label in several})


def _cameras(parts: Iterable[UserCompared]) -> int:
    """The cameras of all users, each once however many days it has."""
    most: dict[str, int] = {}
    for part in parts:
        most[part.user] = max(part.cameras, most.get(part.user, 0))
    return sum(most.values())


def _sums(things: Iterable[tuple[str, CountedThings]], name: Callable[[str, CountedThings], str]) -> tuple[SumOf, ...]:
    sums: dict[tuple[str, str], Tally] = {}
    for user, each in things:
        key = str(each.kind), name(user, each)
        sums[key] = sums.get(key, Tally()).plus(each.tally)
    order = {kind.value: n for n, kind in enumerate(Kind)}
    return tuple(
        SumOf(kind=kind, name=label, tally=tally)
        for (kind, label), tally in sorted(sums.items(), key=lambda item: (order.get(item[0][0], 9), item[0][1]))
    )


def _held(held: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in held:
        total.update(each)
    return dict(total.most_common())
