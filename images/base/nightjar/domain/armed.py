"""Which rules of a camera are in force at a moment, whatever there is to see. Pure."""

from datetime import datetime, timedelta

from nightjar.domain.rules import CameraRules, Day, Rule


def armed_rules(camera: CameraRules, moment: datetime) -> tuple[str, ...]:
    """The names of the rules that hold at `moment` (aware), by the hours and days on the user's wall clock."""
    local = camera.local(moment)
    return tuple(rule.name for rule in camera.rules.values() if _holds(rule, local))


def _holds(rule: Rule, local: datetime) -> bool:
    begun = local
    if rule.hours is not None:
        if not rule.hours.holds_at(local.time()):
            return False
        if local.hour * 60 + local.minute < rule.hours.start:  # they began on the day before
            begun = local - timedelta(days=1)
    return rule.holds_on(list(Day)[begun.weekday()])
