"""What a rule says about an object: label, hours and probability."""

from collections.abc import Iterable
from datetime import datetime

from nightjar.domain.detections import DetectedObject
from nightjar.domain.rules.rule import Rule
from nightjar.domain.rules.safe import Safe


def why_safe(one: DetectedObject, rule: Rule, local: datetime) -> Safe | None:
    """Why `rule` does not call the object unsafe, at the user's wall-clock time `local`; None when it does."""
    least = rule.probability_of(one.label)
    if least is None:
        return Safe.NOT_UNSAFE
    if rule.hours is not None and not rule.hours.holds_at(local.time()):
        return Safe.OUT_OF_HOURS
    return Safe.BELOW_PROBABILITY if one.probability < least else None


def unsafe_objects(objects: Iterable[DetectedObject], rule: Rule, local: datetime) -> tuple[DetectedObject, ...]:
    """Those that `rule` calls unsafe at the user's wall-clock time `local`, in the order given."""
    return tuple(each for each in objects if why_safe(each, rule, local) is None)


def nearest_miss(one: DetectedObject, rules: Iterable[Rule], local: datetime) -> Safe | None:
    """Why no rule calls the object unsafe, told by the rule that came nearest; None when one does."""
    order = list(Safe)
    reasons = [why_safe(one, rule, local) for rule in rules]
    if None in reasons:
        return None
    return min((r for r in reasons if r), key=order.index, default=Safe.NOT_UNSAFE)
