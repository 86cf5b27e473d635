"""The outcomes of footage: `validations/<validator>/YYYY/MM/DD/<user>-<device>/…`, a line a footage object."""

from nightjar.domain.validations import Validation
from nightjar.stores.line_store import LineStore

VALIDATIONS = "validations/"


class Validations(LineStore[Validation]):
    """Reads and writes validations; a place's day is that of the footage, its maker the validator's id."""

    TOP = VALIDATIONS
    KIND = Validation

    @staticmethod
    def identity(line: Validation) -> tuple[str, ...]:
        return line.footage_key, line.footage_version
