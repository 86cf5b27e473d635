"""The words that the form offers to choose events by: those of the rules in force, and those on the page. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nightjar.domain.rules import Rules
from nightjar.queries.event_card import EventCard
from nightjar.queries.rules_now import RulesNow

_MOST = 1_000  # cameras that are offered; of more of them, those on the page


@dataclass(frozen=True)
class Choices:
    """Users, cameras and labels in order, and the names of rules by id."""

    users: tuple[str, ...]
    cameras: tuple[str, ...]
    labels: tuple[str, ...]
    rules: Mapping[int, str]


def choices_of(now: RulesNow, cards: Iterable[EventCard]) -> Choices:
    """The choices; a camera that the rules do not know any more can still be typed."""
    shown = list(cards)
    rules = dict(now.rules.rules) if now.rules else {}
    cameras = {card.camera for card in shown}
    if now.rules and now.is_whole and _is_small(now.rules):
        cameras |= set(now.rules.cameras)
    labels = {label for rule in rules.values() for label in rule.unsafe}
    names = {card.rule_id: card.rule_name for card in shown} | {i: rule.name for i, rule in rules.items()}
    return Choices(
        users=tuple(sorted({camera.user for camera in cameras})),
        cameras=tuple(sorted(camera.name for camera in cameras)),
        labels=tuple(sorted(labels | {label for card in shown for label in card.labels})),
        rules=dict(sorted(names.items())),
    )


def _is_small(rules: Rules) -> bool:
    return rules.camera_count <= _MOST
