"""How many deliveries may run at once, how long they may wait, and when they stop."""

import threading
import time
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from nightjar.domain.alerts import LEASE
from nightjar.settings.notify import NotifySettings
from nightjar_notify.pace import Pace


def allowed(pace: Pace, tried: int = 20) -> int:
    """How many deliveries may be under way at the same time just now."""
    begun = threading.Semaphore(0)
    over = threading.Event()

    def deliver() -> None:
        with pace.delivery() as may:
            if may:
                begun.release()
                over.wait(5)

    threads = [threading.Thread(target=deliver, daemon=True) for _ in range(tried)]
    for thread in threads:
        thread.start()
    number = 0
    while begun.acquire(timeout=0.1):
        number += 1
    over.set()
    for thread in threads:
        thread.join()
    return number


def good(pace: Pace) -> None:
    pace.settled(later=False)


def later(pace: Pace) -> None:
    pace.settled(later=True)


def asked(pace: Pace) -> None:
    assert pace.wait(0.01, everybody=True)


def alone(pace: Pace) -> None:
    assert pace.wait(0.01, everybody=False)


@pytest.mark.parametrize(
    ("events", "number"),
    [
        ([], 1),
        ([good], 2),
        ([good] * 7, 8),
        ([good] * 20, 8),  # as many as the setting says
        ([good] * 7 + [later], 4),
        ([good] * 7 + [later] * 3, 1),
        ([good] * 7 + [later] * 4 + [good], 2),
        ([good] * 7 + [later] * 5, 0),  # stopped
        ([good, later] * 5, 1),  # not in a row
        ([later] * 5, 0),
        ([good] * 7 + [asked], 4),
        ([asked], 1),
        ([good] * 7 + [alone], 8),
    ],
)
def test_it_follows_the_answers(events: list[Callable[[Pace], None]], number: int) -> None:
    pace = Pace(8, patience=10)
    for event in events:
        event(pace)
    assert allowed(pace) == number
    assert bool(pace.stopped_by) is (number == 0)


@pytest.mark.parametrize(
    ("patience", "waits", "results"),
    [
        (0, [0.0], [True]),
        (0, [0.01], [False]),
        (0.2, [0.06, 0.06, 0.06, 0.06], [True, True, True, False]),  # one after the other, they add up
        (100, [60.1], [False]),  # longer than one wait may be
    ],
)
@pytest.mark.parametrize("everybody", [True, False])
def test_patience_ends(patience: float, waits: list[float], results: list[bool], everybody: bool) -> None:
    pace = Pace(8, patience)
    assert [pace.wait(seconds, everybody=everybody) for seconds in waits] == results
    assert bool(pace.stopped_by) is (everybody and not all(results))


def test_seconds_that_several_wait_at_the_same_time_count_once() -> None:
    pace = Pace(8, patience=0.5)
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.append(pace.wait(0.3, everybody=False)), daemon=True) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8
    assert pace.wait(0.3, everybody=False) is False


def test_nobody_begins_or_goes_on_while_everybody_waits() -> None:
    pace = Pace(8, patience=10)
    good(pace)
    ends: dict[str, float] = {}
    began = time.monotonic()

    def wait(name: str, seconds: float, *, everybody: bool) -> None:
        pace.wait(seconds, everybody=everybody)
        ends[name] = time.monotonic() - began

    def begin() -> None:
        with pace.delivery() as may:
            assert may
            ends["begin"] = time.monotonic() - began

    threads = [
        threading.Thread(target=wait, args=("everybody", 0.4), kwargs={"everybody": True}, daemon=True),
        threading.Thread(target=wait, args=("alone", 0.1), kwargs={"everybody": False}, daemon=True),
        threading.Thread(target=begin, daemon=True),
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert all(0.39 < seconds < 20 for seconds in ends.values()), ends
    assert set(ends) == {"everybody", "alone", "begin"}


def test_a_stop_wakes_who_waits_and_keeps_its_first_reason() -> None:
    pace = Pace(1, patience=100)
    results: list[bool] = []
    waiting = threading.Thread(target=lambda: results.append(pace.wait(50, everybody=True)), daemon=True)
    waiting.start()
    time.sleep(0.05)
    pace.stop("the stage is ending")
    pace.stop("another reason")
    waiting.join(2)
    assert results == [False]
    assert pace.stopped_by == "the stage is ending"
    with pace.delivery() as may:
        assert not may


@pytest.mark.parametrize(("held", "limit", "least"), [(0.0, 5.0, 0.0), (0.2, 5.0, 0.1), (5.0, 0.2, 0.19)])
def test_draining_waits_for_deliveries_but_not_for_ever(held: float, limit: float, least: float) -> None:
    pace = Pace(1, patience=1)
    begun, over = threading.Event(), threading.Event()

    def deliver() -> None:
        with pace.delivery():
            begun.set()
            over.wait(held)

    thread = threading.Thread(target=deliver, daemon=True)
    thread.start()
    begun.wait(5)
    began = time.monotonic()
    pace.drain(limit)
    assert least <= time.monotonic() - began < 2
    over.set()
    thread.join()


def test_the_longest_delivery_ends_before_its_claim_is_taken_for_lost() -> None:
    longest = NotifySettings(mail_attempts=10, mail_timeout=30, mail_patience=300)
    assert longest.mail_attempts * longest.mail_timeout + longest.mail_patience < LEASE.total_seconds()
    for beyond in ({"mail_attempts": 11}, {"mail_timeout": 31}, {"mail_patience": 301}):
        with pytest.raises(ValidationError):
            NotifySettings.model_validate(beyond)
