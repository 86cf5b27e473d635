"""Probabilities as people read them: in messages, on pictures, in reports."""

from decimal import Decimal


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
