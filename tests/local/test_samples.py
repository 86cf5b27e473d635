"""The sample footage is what its rules and the demo's story need, and is the same every time."""

import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest

from nightjar.domain.names import Camera, FootageName, NameRefused, parse_footage_name
from nightjar.runtime.rules import parse_rules
from nightjar_local import samples
from nightjar_local.samples import Sample
from nightjar_validate.jpeg import damage

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RULES = parse_rules((Path(__file__).parents[2] / "local" / "rules.yaml").read_bytes())


@pytest.fixture(scope="module")
def footage() -> list[Sample]:
    return samples.footage(NOW)


def test_it_is_the_same_every_time(footage: list[Sample]) -> None:
    assert samples.footage(NOW) == footage


def test_names_are_different(footage: list[Sample]) -> None:
    assert len({sample.name for sample in footage}) == len(footage)


def test_every_camera_of_the_rules_sends_something(footage: list[Sample]) -> None:
    seen = Counter(name.camera for sample in footage if (name := parsed(sample)))
    assert set(RULES.cameras) == set(seen) - {Camera("mallory", "door")}


def test_bad_names_are_two_and_two_clocks_are_wrong(footage: list[Sample]) -> None:
    assert sum(parsed(sample) is None for sample in footage) == 2
    early = Counter(
        name.camera
        for sample in footage
        if (name := parsed(sample)) and not NOW - timedelta(hours=1) <= name.taken_at <= NOW
    )
    assert early == {Camera("alice", "porch"): 1, Camera("bob", "gate"): 3}, "one was reset, one is hours behind"


def test_one_is_sent_twice_and_one_clashes(footage: list[Sample]) -> None:
    bodies: dict[str, list[bytes]] = {}
    for sample in footage:
        if name := parsed(sample):
            bodies.setdefault(name.canonical, []).append(sample.body)
    several = sorted(len(set(same)) for same in bodies.values() if len(same) > 1)
    assert several == [1, 2]


def test_a_clip_and_a_still_are_of_the_same_second(footage: list[Sample]) -> None:
    names = [name for sample in footage if (name := parsed(sample))]
    stills, videos = ({name.stem for name in names if name.is_video is video} for video in (False, True))
    assert len(stills & videos) == 1


def test_a_clip_has_a_clock_of_its_own(footage: list[Sample]) -> None:
    starts = []
    for sample in footage:
        if sample.name.endswith(".mp4") and sample.body.rfind(b"moov") > 0:  # others are cut before their index
            with av.open(io.BytesIO(sample.body), "r") as container:
                starts.append((container.start_time or 0) / av.time_base)
    assert [start for start in starts if start > 1] == [12_345]


def test_a_still_is_torn(footage: list[Sample]) -> None:
    jpegs = [sample.body for sample in footage if sample.body[:3] == b"\xff\xd8\xff"]
    torn = [data for data in jpegs if damage(data)]
    assert sorted(data.endswith(b"\xff\xd9") for data in torn) == [False, True], "expected one cut, and one torn"


def parsed(sample: Sample) -> FootageName | None:
    try:
        return parse_footage_name(sample.name)
    except NameRefused:
        return None


def test_the_clock_that_is_behind_is_off_by_the_same_again() -> None:
    later = NOW + timedelta(minutes=2)
    names = [name for sample in samples.second_visit(later) if (name := parsed(sample))]
    assert {name.camera for name in names} == {Camera("bob", "gate")}
    assert all(timedelta(hours=8) <= later - name.taken_at <= timedelta(hours=8, minutes=1) for name in names)
