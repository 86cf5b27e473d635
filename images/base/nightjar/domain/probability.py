"""Probabilities as people write them (in rules and settings) and read them (in messages, on pictures, in reports)."""

import re
from decimal import Decimal

_PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})\s*%")
_DECIMAL = re.compile(r"[-+]?([0-9]{1,20}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][-+]?[0-9]{1,3})?")


def percent(probability: float) -> str:
    """0.944 as `94 %`: rounded down, so that nothing looks more certain than it is.

    Only 1 is `100 %`, and only 0 is `0 %`: less than a hundredth is `<1 %`. Raises ValueError for a number outside of
    0 to 1, and for no number.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"expected a probability from 0 to 1, got {probability}")
    # In decimals, as the number is written: as a float, 0.29 * 100 is less than 29.
    hundredths = int(Decimal(str(probability)) * 100)
    return "<1 %" if hundredths == 0 and probability > 0 else f"{hundredths} %"


def probability_from(value: object) -> float:
    """`80%`, `80 %`, `0.8` (a number or text) as 0.8.

    Raises ValueError that says how to write it for a truth value, for anything that is no number, and for a number
    outside of 0 to 1.
    """
    return _fraction(value, "a probability from 0 to 1, such as 0.8 or 80%")


def share_from(value: object) -> float:
    """`2%`, `2 %`, `0.02` (a number or text) as 0.02: a part of a whole. Raises ValueError as `probability_from`."""
    return _fraction(value, "a share from 0 to 1, such as 0.02 or 2%")


def _fraction(value: object, expected: str) -> float:
    if isinstance(value, bool):
        raise ValueError(f"expected a number, got {str(value).lower()}")
    number = _number(value)
    if number is None or not 0 <= number <= 1:
        raise ValueError(f"expected {expected}, got {value!s:.40}{_advice(str(value), number)}")
    return float(number)


def _number(value: object) -> Decimal | None:
    text = str(value).strip()
    if percent := _PERCENT.fullmatch(text):
        return Decimal(percent[1]) / 100
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def _advice(text: str, number: Decimal | None) -> str:
    if number is None or not 1 < number <= 100 or "%" in text:
        return ""
    return f": write {(number / 100).normalize():f} or {number.normalize():f}%"
