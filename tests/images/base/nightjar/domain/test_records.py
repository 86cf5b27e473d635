"""The small records: counts, detections, reasons, times."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from nightjar.domain.detections import DetectedObject, Detection, DetectorRef, ListedPicture, Picture
from nightjar.domain.manifest import Counts, add_counts
from nightjar.domain.model import iso_utc, ms_from_utc, utc_from_ms
from nightjar.domain.reasons import Reason

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        (Counts(), None),
        (Counts(received=3, outcomes={"standard": 1, "quarantined:grey": 2}), None),
        (Counts(received=3, outcomes={"standard": 1}), "expected outcomes for 3 received, got 1"),
        (Counts(received=0, outcomes={"standard": 1, "failed": -1}), "expected counts of at least 0"),
    ],
)
def test_counts_must_add_up(counts: Counts, problem: str | None) -> None:
    found = counts.problem()
    assert (found is None) if problem is None else (found is not None and problem in found)


def test_counts_are_summed_by_outcome_and_reason() -> None:
    one = Counts(received=3, outcomes={"standard": 1, "quarantined:grey": 2}, details={"videos": 1})
    both = add_counts(one, Counts(received=1, outcomes={"quarantined:void": 1}))
    assert both.received == 4
    assert both.total("quarantined") == 3
    assert both.by_reason("quarantined") == {"grey": 2, "void": 1}
    assert both.details == {"videos": 1}
    assert both.problem() is None


PICTURE = Picture(
    user="alice",
    device="porch",
    taken_at=NOON,
    footage_key="footage/f",
    footage_version="1",
    standard_key="standard/s",
    standard_sha256="0" * 64,
    width=640,
    height=480,
)
DETECTOR = DetectorRef(tag="1", model="m", sha256="a", settings="s")


def test_a_line_of_the_detections_store_is_that_of_the_design() -> None:
    person = DetectedObject(label="person", probability=0.94, box=(0.11, 0.32, 0.18, 0.66))
    cat = DetectedObject(label="cat", probability=0.97, box=(0, 0, 1, 1))
    detection = Detection.of(PICTURE, DETECTOR, [person, cat])
    assert detection.model_dump(mode="json", by_alias=True) == {
        "schema": 1,
        "picture": PICTURE.model_dump(mode="json"),
        "detector": {"tag": "1", "model": "m", "sha256": "a", "settings": "s"},
        "objects": [
            {"label": "cat", "probability": 0.97, "box": [0, 0, 1, 1]},
            {"label": "person", "probability": 0.94, "box": [0.11, 0.32, 0.18, 0.66]},
        ],
        "counts": {"cat": 1, "person": 1},
    }
    assert PICTURE.model_dump(mode="json")["taken_at"] == "2026-11-20T12:00:00Z"
    assert Detection.model_validate_json(detection.model_dump_json()) == detection


@pytest.mark.parametrize("box", [(0, 0, 1, 1.1), (-0.1, 0, 1, 1), (0, 0, 1), (0, 0, float("nan"), 1)])
def test_a_box_outside_the_picture_is_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        DetectedObject.model_validate({"label": "cat", "probability": 0.5, "box": box})


def test_a_listed_picture_is_a_line_that_a_detection_holds_as_a_plain_picture() -> None:
    line = ListedPicture.of(PICTURE.model_copy(update={"later": 1}), "v1")
    own = {"schema": 1, "standard_version": "v1"}
    assert line.model_dump(mode="json", by_alias=True) == {**own, **PICTURE.model_dump(mode="json"), "later": 1}
    again = ListedPicture.model_validate_json(line.model_dump_json(by_alias=True))
    held = Detection.of(again, DETECTOR, []).model_dump(mode="json", by_alias=True)["picture"]
    assert held == {**PICTURE.model_dump(mode="json"), "later": 1, "standard_version": "v1"}


@pytest.mark.parametrize("ms", [0, 999, 1_700_000_000_000, 1_700_000_000_001, 9_999_999_999_999])
def test_times_survive_to_the_millisecond(ms: int) -> None:
    assert ms_from_utc(utc_from_ms(ms)) == ms


def test_times_are_written_in_utc() -> None:
    assert iso_utc(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == "2025-12-31T23:00:00Z"
    assert iso_utc(NOON.replace(microsecond=250_000)) == "2026-11-20T12:00:00.250Z"
    with pytest.raises(ValueError, match="zone"):
        ms_from_utc(datetime(2026, 1, 1))  # noqa: DTZ001 - the bad row


def test_every_reason_says_what_it_means() -> None:
    assert all(reason.meaning.endswith(".") for reason in Reason)
