"""What Nightjar adds to Airflow's metrics: how many troubles of which kind are open, by the patrol."""

from collections import Counter
from collections.abc import Mapping, Sequence

from airflow.sdk.observability import stats

from nightjar.domain.operator_troubles import OperatorKind
from nightjar.domain.troubles import OPERATOR

CAMERAS = "cameras"
MOST = 10_000  # troubles that are counted: ten listings


def counts(open_kinds: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The number of open troubles by name of the metric; a kind without any counts 0, so that its alert ends.

    `open_kinds` are the kinds of open troubles by whom they are about. Those of all cameras are one number.
    """
    numbers = Counter(OperatorKind.of(kind) for kind in open_kinds.get(OPERATOR, ()))
    cameras = sum(len(kinds) for about, kinds in open_kinds.items() if about != OPERATOR)
    return {**{each.replace("-", "_"): numbers[each] for each in OperatorKind}, CAMERAS: cameras}


def tell(open_kinds: Mapping[str, Sequence[str]]) -> None:
    """Set the gauges `nightjar.troubles.<kind>`; does nothing where Airflow has no metrics switched on."""
    for name, number in counts(open_kinds).items():
        stats.gauge(f"nightjar.troubles.{name}", number)
