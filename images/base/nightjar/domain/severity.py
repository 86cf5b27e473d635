"""How much a rule's events, and notices about equipment, matter: it decides the channels, and who may be disturbed."""

from enum import StrEnum


class Severity(StrEnum):
    """How much a rule's threats matter, from the least to the most."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the least."""
        return list(Severity).index(self)
