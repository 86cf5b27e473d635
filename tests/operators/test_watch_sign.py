"""Whether the watch looks, told from the sign that it leaves in the bucket: also when the triggerer is dead."""

from datetime import UTC, datetime, timedelta

from nightjar.domain.troubles import OPERATOR, Notice
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.operator_signs import OperatorSigns
from nightjar.stores.troubles import Troubles
from operators.watch_sign import note_watch
from tests.bucket import NOON

MINUTE = timedelta(minutes=1)


def test_a_silent_watch_is_told_once_and_ends_when_it_looks_again() -> None:
    store = MemoryStore()

    def noted(minute: int) -> list[datetime]:
        note_watch(store, NOON + minute * MINUTE, 5 * MINUTE)
        return [each.since for each in Troubles(store).open_of(OPERATOR, 9)]

    assert noted(0) == [], "nothing is deployed"
    OperatorSigns(store).beat(NOON)
    assert [noted(minute) for minute in (1, 5)] == [[], []]
    assert [noted(minute) for minute in (6, 11)] == [[NOON], [NOON]]
    [news] = Troubles(store).news(9)
    Troubles(store).settle(news, Notice.OPENED, datetime.now(UTC))
    OperatorSigns(store).beat(NOON + 12 * MINUTE)
    assert noted(13) == []
    [over] = Troubles(store).news(9)
    assert (over.stored.trouble.due, over.stored.trouble.number) == (Notice.ENDED, 1)
