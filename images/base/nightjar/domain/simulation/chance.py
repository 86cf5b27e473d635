"""Chance, as the simulation is given it from outside: `random.Random` with a seed is one."""

from typing import Protocol


class Chance(Protocol):
    """Numbers by chance, the same ones for the same seed."""

    def random(self) -> float:
        """Evenly between 0 and 1, 1 left out."""

    def gauss(self, mu: float, sigma: float) -> float:
        """By the normal distribution."""
