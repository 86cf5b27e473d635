"""Which rules of a camera are in force at a moment, whatever there is to see. Pure."""

from datetime import datetime

from nightjar.domain.rules import CameraRules


def armed_rules(camera: CameraRules, moment: datetime) -> tuple[str, ...]:
    """The names of the rules that hold at `moment` (aware), by the hours and days on the user's wall clock."""
    local = camera.local(moment)
    return tuple(rule.name for rule in camera.rules.values() if rule.holds_at(local))
