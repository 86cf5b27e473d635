"""Bumps, and what they make of the Variable."""

from datetime import UTC, datetime

import pytest

from nightjar.domain.bumps import (
    Bump,
    RegistryDigest,
    checked_why,
    dropped,
    promoted,
    refuse_other_content,
    same_value,
    value_of,
    with_tags,
)
from nightjar.domain.release import Images
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import UsageError

AT = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
IMAGES = Images.model_validate(
    {
        "registry": "localhost/nightjar",
        **dict.fromkeys(STAGE_IMAGES, "1"),
    }
)


def test_a_bump_says_what_changed() -> None:
    after = with_tags(IMAGES, {"detect": "2", "detect_candidate": "3"})
    bump = Bump(at=AT, before=value_of(IMAGES), after=value_of(after))
    assert bump.changes == ["detect: 1 → 2", "detect_candidate: nothing → 3"]
    assert bump.id.startswith("20261127T083000000Z-") and len(bump.id) == 28
    assert bump.id != bump.model_copy(update={"by": "erin"}).id
    assert Bump(at=AT, after={"detect": "1"}).changes == ["detect: nothing → 1"]
    assert Bump(at=AT, before=value_of(IMAGES), after=value_of(IMAGES)).changes == []


def test_a_candidate_is_promoted_or_dropped() -> None:
    tried = with_tags(IMAGES, {"detect_candidate": "2-far"})
    assert promoted(tried) == with_tags(IMAGES, {"detect": "2-far"})
    assert dropped(tried) == IMAGES
    for end in (promoted, dropped):
        with pytest.raises(UsageError, match=r"expected a candidate detector in detect_candidate .* there is none"):
            end(IMAGES)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({}, {}, True),
        ({"detect": "1"}, {"detect": "1"}, True),
        ({"detect": "1"}, {"detect": "1", "detect_candidate": None}, True),
        ({"detect": "1"}, {"detect": "2"}, False),
        ({"detect": "1"}, {"detect": "1", "detect_candidate": "2"}, False),
    ],
)
def test_values_that_name_the_same_images(one: dict[str, str], other: dict[str, str], same: bool) -> None:
    assert same_value(one, other) == same_value(other, one) == same


@pytest.mark.parametrize("why", ["x", "  finds cats at night ", "ä" * 500])
def test_a_reason_is_one_line(why: str) -> None:
    assert checked_why(why) == why.strip()


@pytest.mark.parametrize(
    ("why", "message"),
    [("", "got 0 characters"), (" \n", "got 0"), ("two\nlines", "some are no text"), ("x" * 501, "got 501 characters")],
)
def test_what_is_no_reason(why: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        checked_why(why)


def test_other_content_is_refused_with_both_digests() -> None:
    known = RegistryDigest(registry="r.example/n", digest="sha256:aa", at=AT, by="nightjar_live/1")
    refuse_other_content("detect", "1", known, "sha256:aa")
    with pytest.raises(UsageError, match=r"r.example/n/detect:1 to be sha256:aa, as nightjar_live/1 .* got sha256:bb"):
        refuse_other_content("detect", "1", known, "sha256:bb")
