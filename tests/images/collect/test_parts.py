"""A part of an object and the whole of it under one name: the whole is looked at, in whatever order they come."""

import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from nightjar.domain.batch import BatchLine
from nightjar.runtime.store import ObjectStore
from nightjar_collect import contents, parts
from nightjar_collect.parts import Extent
from tests.images.collect.dropping import AT, begin_live_run, collected, drop, look, memory_store

CLIP = f"alice-porch-{AT}.mp4"
BODY = random.Random(7).randbytes(3000)
OTHER = random.Random(8).randbytes(3000)
WHOLE = b"header: 3000 bytes" + BODY + b"index"
PARTS = {
    "its beginning": WHOLE[:1000],
    "all but its last byte": WHOLE[:-1],
    "its first byte": WHOLE[:1],
    "nothing yet": b"",
    "its beginning, and zeros up to its size": WHOLE[:1000] + bytes(len(WHOLE) - 1000),
    "zeros of its size": bytes(len(WHOLE)),
    "another header, of the same length": b"header: ???? bytes" + BODY[:2000],
    "another header, no index": b"header" + BODY,
}
NO_PARTS = {
    "other content": OTHER[:1000],
    "other content of the same size": OTHER + WHOLE[len(OTHER) :],
    "the same header": b"header: 3000 bytes" + OTHER[:2000],
    "a beginning that another end follows": WHOLE[:1000] + OTHER[:1000],
    "another header, and an end of one byte only": b"another" + b"\1" * 2000,
}


CONTAINERS = [
    pytest.param("mp4", "mpeg4", {}, id="MP4: size and index at the end"),
    pytest.param("mp4", "mpeg4", {"movflags": "faststart"}, id="MP4: index moved to the front"),
    pytest.param("mp4", "mpeg4", {"movflags": "frag_keyframe+empty_moov"}, id="MP4: in fragments"),
    pytest.param("mov", "mjpeg", {}, id="MOV"),
    pytest.param("matroska", "mpeg4", {}, id="MKV"),
    pytest.param("avi", "mjpeg", {}, id="AVI"),
    pytest.param("avi", "mpeg4", {}, id="AVI, MPEG-4"),
]


def recorded(
    path: Path, container: str, codec: str, options: dict[str, str], seed: int = 0
) -> tuple[list[bytes], bytes]:
    """A video as it is on the recorder's disk while it is written, and at last."""
    frames = np.random.default_rng(seed).integers(0, 256, (24, 480, 640, 3), dtype=np.uint8)
    unfinished: list[bytes] = []
    with av.open(str(path), "w", format=container, options=options) as output:
        stream: Any = output.add_stream(codec, rate=10)
        stream.width, stream.height = 640, 480
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for frame in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                output.mux(packet)
            if path.exists() and path.read_bytes() not in unfinished:
                unfinished.append(path.read_bytes())
        for packet in stream.encode():
            output.mux(packet)
    return unfinished, path.read_bytes()


@pytest.mark.parametrize(("container", "codec", "options"), CONTAINERS)
def test_what_a_recorder_had_written_is_a_part_of_what_it_closed(
    container: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    unfinished, whole = recorded(tmp_path / "a", container, codec, options)
    assert max(map(len, unfinished)) > 100_000, "expected pictures in what was not closed yet"
    assert [len(part) for part in unfinished if not Extent.of(part).is_in(whole)] == []
    beginnings = [whole[:size] for size in range(1, len(whole), len(whole) // 20)]
    assert all(Extent.of(part).is_in(whole) for part in beginnings)
    other, _ = recorded(tmp_path / "b", container, codec, options, seed=1)
    assert [len(part) for part in other if len(part) > 50_000 and Extent.of(part).is_in(whole)] == []


@pytest.mark.parametrize(("container", "codec", "options"), CONTAINERS)
def test_two_short_videos_that_are_mostly_header_are_two(
    container: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    short, longer = (
        plain(tmp_path / str(frames), container, codec, options, frames=frames, level=level)
        for frames, level in ((2, 40), (5, 200))
    )
    assert len(short) < len(longer), "expected what could be a part by its size"
    assert not Extent.of(short).is_in(longer)


def plain(path: Path, container: str, codec: str, options: dict[str, str], *, frames: int, level: int) -> bytes:
    """A video that shows next to nothing, so that it is of few bytes."""
    with av.open(str(path), "w", format=container, options=options) as output:
        stream: Any = output.add_stream(codec, rate=10)
        stream.width, stream.height = 160, 120
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(frames):
            picture = np.full((120, 160, 3), level, dtype=np.uint8)
            picture[:, number * 8 :] = 255 - level
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode())
    return path.read_bytes()


def outcomes(store: ObjectStore, drops: Sequence[tuple[str, bytes]], *, at_once: bool) -> dict[str, int]:
    """Drop all, collected in one batch or in a batch each, and count the outcomes."""
    total: dict[str, int] = {}
    for number, (name, data) in enumerate(drops):
        drop(store, name, data=data)
        if not at_once or number == len(drops) - 1:
            manifest = collected(store, f"w{number}")
            begin_live_run(store, manifest)
            for outcome, count in manifest.counts.outcomes.items():
                total[outcome] = total.get(outcome, 0) + count
    return total


def current(store: ObjectStore) -> list[bytes]:
    """The footage as it is now, a part that gave way left out."""
    return [store.get(info.key)[0] for info in store.list_objects("footage/")]


def filed_lines(store: ObjectStore) -> list[BatchLine]:
    return [line for lines in look(store).batches.values() for line in lines if line.outcome == "filed"]


@pytest.mark.parametrize("in_memory", [1 << 20, 100], ids=["in memory", "on disk"])
@pytest.mark.parametrize("part", list(PARTS.values()), ids=list(PARTS))
@pytest.mark.parametrize("whole_first", [False, True], ids=["part first", "whole first"])
def test_in_one_batch_a_part_gives_way_to_the_whole(
    part: bytes, whole_first: bool, in_memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "IN_MEMORY", in_memory)
    store = memory_store()
    drops = [(CLIP, part), (CLIP, WHOLE)]
    assert outcomes(store, drops[::-1] if whole_first else drops, at_once=True) == {"filed": 1, "duplicate": 1}
    bucket = look(store)
    assert (current(store), bucket.incoming, bucket.quarantine) == ([WHOLE], [], [])
    [lines] = bucket.batches.values()
    [now] = store.list_objects("footage/")
    head = store.head(now.key)
    assert head
    assert {line.footage_version for line in lines} == {head.version_id}, "expected both to name the whole"


@pytest.mark.parametrize("in_memory", [1 << 20, 100], ids=["in memory", "on disk"])
@pytest.mark.parametrize(
    "part", [part for part in PARTS.values() if part], ids=[n for n, part in PARTS.items() if part]
)
def test_with_a_batch_in_between_the_whole_is_a_new_version(
    part: bytes, in_memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "IN_MEMORY", in_memory)
    store = memory_store()
    assert outcomes(store, [(CLIP, part), (CLIP, WHOLE), (CLIP, part), (CLIP, WHOLE)], at_once=False) == {
        "filed": 2,
        "duplicate": 2,
    }
    [versions] = look(store).footage.values()
    assert versions == [part, WHOLE]
    first, second = sorted(filed_lines(store), key=lambda line: line.first_version is not None)
    assert (first.first_version, second.first_version) == (None, first.footage_version)
    assert second.footage.first_version == first.footage.version_id


def test_an_empty_object_first_is_refused_and_the_whole_is_filed() -> None:
    store = memory_store()
    assert outcomes(store, [(CLIP, b""), (CLIP, WHOLE)], at_once=False) == {"quarantined:empty": 1, "filed": 1}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "a batch each"])
def test_of_several_parts_the_whole_is_what_stays(order: Sequence[int], at_once: bool) -> None:
    store = memory_store()
    pieces = [WHOLE[:500] if at_once else WHOLE[:1000], b"header: ???? bytes" + BODY[:2000], WHOLE]
    total = outcomes(store, [(CLIP, pieces[n]) for n in order], at_once=at_once)
    assert current(store) == [WHOLE]
    assert set(total) <= {"filed", "duplicate"}
    roots = {line.first_version or line.footage_version for line in filed_lines(store)}
    assert len(roots) == 1, "expected all versions to be of one footage object"


@pytest.mark.parametrize("other", list(NO_PARTS.values()), ids=list(NO_PARTS))
@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "a batch each"])
@pytest.mark.parametrize("other_first", [True, False])
def test_other_content_stays_a_conflict(other: bytes, at_once: bool, other_first: bool) -> None:
    store = memory_store()
    first, second = (other, WHOLE) if other_first else (WHOLE, other)
    total = outcomes(store, [(CLIP, first), (CLIP, second)], at_once=at_once)
    assert total == {"filed": 1, "quarantined:identity-conflict": 1}
    assert current(store) == [first]


def test_the_whole_of_a_still_may_come_under_another_extension() -> None:
    store = memory_store()
    names = (f"alice-porch-{AT}.png", f"alice-porch-{AT}000.JPG")
    outcomes(store, [(names[0], WHOLE[:1000]), (names[1], WHOLE)], at_once=False)
    assert current(store) == [WHOLE]
    assert [line.footage.name.extension for line in filed_lines(store)] == ["png", "png"]


@pytest.mark.parametrize("step", [7, 1 << 20])
def test_a_large_object_is_looked_through_in_steps(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_STEP", step)
    for part in PARTS.values():
        assert Extent.of(part).is_in(WHOLE)
    for other in NO_PARTS.values():
        assert not Extent.of(other).is_in(WHOLE)
    assert Extent.of(bytes(100)) == Extent.of(b"")
