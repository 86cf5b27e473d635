"""Which of the versions that wait in the drop zone make the next batch. Pure."""

from collections.abc import Iterable, Iterator

from nightjar.domain.batch import ReceivedVersion

Rank = tuple[float, float, str, str]


def receipt_order(version: ReceivedVersion) -> tuple[float, str, str]:
    """The order in which versions count as received, the same whenever it is asked."""
    return version.received_at.timestamp(), version.key, version.version_id


def select(waiting: Iterable[ReceivedVersion], objects: int, size: int) -> list[ReceivedVersion]:
    """At most `objects` of `waiting`, of together at most `size` bytes, or else a single one: the freshest footage.

    Fresh is by the time in the name; the versions of one name go in the order they were received. Names that break the
    contract tell no time: a tenth of the batch is theirs, and the room that the others leave. They only go to
    quarantine, which is cheap, and must not wait for ever behind steady footage.

    Reads `waiting` once, in memory for one batch.
    """
    footage, refused = _First(objects), _First(objects)
    for version in waiting:
        name = version.name
        if name is None:
            refused.add((0, *receipt_order(version)), version)
        else:
            footage.add((-name.taken_at_ms, *receipt_order(version)), version)
    bad = refused.sorted()
    own = bad[: objects // 10]
    chosen = [*own, *footage.sorted()[: objects - len(own)], *bad[len(own) :]]
    return list(_within(chosen[:objects], size))


class _First:
    """The first `number` by rank of all versions that are added."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._kept: list[tuple[Rank, ReceivedVersion]] = []

    def add(self, rank: Rank, version: ReceivedVersion) -> None:
        self._kept.append((rank, version))
        if len(self._kept) >= 2 * self._number + 1000:
            self._trim()

    def sorted(self) -> list[ReceivedVersion]:
        self._trim()
        return [version for _, version in self._kept]

    def _trim(self) -> None:
        self._kept = sorted(self._kept, key=lambda pair: pair[0])[: self._number]


def _within(versions: Iterable[ReceivedVersion], size: int) -> Iterator[ReceivedVersion]:
    total = 0
    for number, version in enumerate(versions):
        total += version.size
        if number and total > size:
            return
        yield version
