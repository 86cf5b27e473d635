"""Who was told by one task, as the lines of the ledger say that its manifest names: alerts, notices, digests."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from nightjar.domain.alerts import Alert
from nightjar.domain.manifest import ObjectRef
from nightjar.queries.readable import told
from nightjar.queries.run_shards import Told
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectStore
from nightjar.stores.ledger import Ledger, is_line

MOST_LINES = 60
_READERS = 16


@dataclass(frozen=True)
class ToldLine:
    """A line of the ledger, as it is now, and the state of each of its deliveries in words."""

    alert: Alert
    deliveries: tuple[Told, ...]


@dataclass(frozen=True)
class ToldLines:
    """The lines that were read, of `total`; `gone` were erased since."""

    lines: tuple[ToldLine, ...]
    total: int
    gone: int


def told_lines(
    store: ObjectStore, run: str, refs: Iterable[ObjectRef], now: datetime, problems: list[str]
) -> ToldLines:
    """The lines of the ledger among the objects of a manifest of the run called `run`, at most MOST_LINES."""
    keys = list(dict.fromkeys(ref.key for ref in refs if is_line(ref)))
    asked = keys[:MOST_LINES]
    read = list(in_parallel(lambda key: told(problems, lambda: Ledger(store).read(key)), asked, _READERS))
    lines = [each.alert for each in read if each]
    return ToldLines(
        tuple(ToldLine(alert, _deliveries(alert, run, now)) for alert in lines), len(keys), len(asked) - len(lines)
    )


def _deliveries(alert: Alert, run: str, now: datetime) -> tuple[Told, ...]:
    is_held = alert.is_held("", "", now)
    return tuple(Told(each, each.told_state(is_held), alert.run == run) for each in alert.each_delivery)
