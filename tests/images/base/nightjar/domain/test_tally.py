"""The sum of a period in a sentence."""

from dataclasses import replace

import pytest

from nightjar.domain.tally import Tally, many

HOUR = Tally(triggers=85, videos=4, refused=12, duplicates=1, harmless=81, threats=14, events=6)
NOTHING = Tally(triggers=0, videos=0, refused=0, duplicates=0, harmless=0, threats=0, events=0)


@pytest.mark.parametrize(
    ("tally", "sentence"),
    [
        (
            HOUR,
            "85 triggers (4 videos) gave 108 pictures: 12 refused, 1 duplicate, 81 harmless, 14 threats in 6 events",
        ),
        (NOTHING, "0 triggers gave 0 pictures: 0 refused, 0 duplicates, 0 harmless, 0 threats"),
        (
            Tally(triggers=1, videos=1, refused=0, duplicates=0, harmless=0, threats=1, events=1),
            "1 trigger (1 video) gave 1 picture: 0 refused, 0 duplicates, 0 harmless, 1 threat in 1 event",
        ),
        (
            replace(HOUR, failed=2, unjudged=3),
            "85 triggers (4 videos) gave 113 pictures: 12 refused, 1 duplicate, 2 failed, 3 not judged, 81 harmless, "
            "14 threats in 6 events",
        ),
        (
            replace(NOTHING, triggers=1200, harmless=1067, duplicates=1000),
            "1,200 triggers gave 2,067 pictures: 0 refused, 1,000 duplicates, 1,067 harmless, 0 threats",
        ),
        # An event that began the day before and was alerted today, without a threat of today.
        (
            replace(NOTHING, triggers=1, harmless=1, events=1),
            "1 trigger gave 1 picture: 0 refused, 0 duplicates, 1 harmless, 0 threats in 1 event",
        ),
    ],
)
def test_the_sentence(tally: Tally, sentence: str) -> None:
    assert str(tally) == sentence


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 frames"), (1, "1 frame"), (2, "2 frames"), (1_000_000, "1,000,000 frames")]
)
def test_many(number: int, said: str) -> None:
    assert many(number, "frame") == said
