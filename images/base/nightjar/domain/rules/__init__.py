"""The rules: what is unsafe, when and where, for which camera, and who hears about it. Pure: no file, no clock.

Rules ── rules ──── Rule        what one rule calls unsafe: labels, probability, hours, areas, size, severity
  ├───── groups                 lists of rules by name
  ├───── static ─── Static      when an object is part of the scene
  ├───── operator ─ Operator    who hears about trouble with the deployment
  └───── users ──── User        who is told: addresses, channels, time zone, quiet hours; rules
                    └─ devices ── Device    its areas and masks; its own rules and telling (replacing the user's)

`Rules.device` gives the CameraRules of one camera, with every default filled in.
"""

from nightjar.domain.rules.camera import EMAIL, LANGUAGE, CameraRules, Recipient
from nightjar.domain.rules.device import Alerts, Cap, Device, Static
from nightjar.domain.rules.file import Rules
from nightjar.domain.rules.people import Operator, User
from nightjar.domain.rules.rule import Agree, Rule
from nightjar.domain.rules.safe import Safe
from nightjar.domain.rules.values import Day, Severity, StandsAt

__all__ = [
    "EMAIL",
    "LANGUAGE",
    "Agree",
    "Alerts",
    "CameraRules",
    "Cap",
    "Day",
    "Device",
    "Operator",
    "Recipient",
    "Rule",
    "Rules",
    "Safe",
    "Severity",
    "StandsAt",
    "Static",
    "User",
]
