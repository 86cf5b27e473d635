"""Which packets of a film are not decoded; and the pictures are those of a film that is decoded whole."""

import io

import av
import pytest

from nightjar_validate.clock import Stamps
from nightjar_validate.frames import Reading, moments
from nightjar_validate.spared import Facts, Group, Steps, grouped
from nightjar_validate.trust import Trust
from nightjar_validate.units import Units, length_size, units_of
from tests.images.validate.clips import clip, remuxed
from tests.images.validate.decoding import decoded

KEY, END = Facts(0.0, fresh=True), Facts(None, size=0)


def group(*times: float | None, unused: str = "", closed: bool = True) -> Group:
    """A group that begins with a fresh packet; `unused` has a letter u at the place of each on which none builds."""
    marks = unused.ljust(len(times))
    return Group(
        [Facts(time, fresh=place == 0, unused=marks[place] == "u") for place, time in enumerate(times)], closed
    )


@pytest.mark.parametrize(
    ("packets", "a_second", "spared", "end"),
    [
        (group(0.0), 1, set(), 1),
        (group(0.0, 0.5, 1.0, 1.5), 1, {3}, 3),
        (group(0.0, 0.5, 1.0, 1.5, closed=False), 1, set(), 4),
        (group(0.0, 0.5, 1.0, 1.5), 2, set(), 4),
        (group(0.0, 0.5, 1.0, 1.5, unused=" u u"), 1, {1, 3}, 3),
        (group(0.0, 0.5, 1.0, 1.5, unused=" u u", closed=False), 1, {1, 3}, 4),
        (group(0.0, 0.4, 0.9), 1, {1, 2}, 1),
        # Decoded in another order than shown.
        (group(0.0, 1.5, 1.0, 0.5, 1.2), 1, {3, 4}, 3),
        # A frame whose time nobody knows, one that is damaged, one that is shown before the key frame.
        (group(0.0, None, 0.9), 1, set(), 3),
        (Group([KEY, Facts(0.5, whole=False), Facts(0.7)], closed=True), 1, set(), 3),
        (group(0.0, -0.1, 0.9), 1, set(), 3),
        # Parameters, which later frames may need: only those of the key frame may come again.
        (Group([KEY, Facts(0.5), Facts(0.7, sets=True)], closed=True), 1, set(), 3),
        (Group([Facts(0.0, fresh=True, sets=True), Facts(0.5)], closed=True), 1, {1}, 1),
        # No key frame.
        (Group([Facts(0.5)], closed=True), 1, set(), 1),
        (Group([END], closed=True), 1, set(), 1),
    ],
)
def test_what_is_spared_of_a_group(packets: Group, a_second: float, spared: set[int], end: int) -> None:
    assert packets.spared(Steps(a_second)) == (spared, end)


def test_a_group_in_which_no_frame_is_due_is_not_decoded() -> None:
    steps = Steps(1)
    assert group(0.0, 0.2).spared(steps) == ({1}, 1)
    assert group(0.4, 0.6).spared(steps) == ({0, 1}, 0)
    assert Group([Facts(0.7, fresh=True, sets=True), Facts(0.75)], closed=True).spared(steps) == ({1}, 1)
    assert group(0.8, 1.0).spared(steps) == (set(), 2)


@pytest.mark.parametrize(
    ("facts", "sizes", "closed"),
    [
        ([], [], []),
        ([END], [1], [False]),
        ([KEY, Facts(0.1), END], [2, 1], [True, False]),
        ([KEY, Facts(0.1), Facts(1.0, fresh=True), Facts(1.1), END], [2, 2, 1], [True, True, False]),
        # The second frame after a key frame is shown before it: it may build on what comes before.
        ([KEY, Facts(0.1), Facts(1.0, fresh=True), Facts(0.9), END], [2, 2, 1], [False, True, False]),
        ([KEY, Facts(0.1), Facts(1.0, fresh=True), Facts(None), END], [2, 2, 1], [False, True, False]),
        ([KEY, Facts(0.1), Facts(1.0, fresh=True), END], [2, 1, 1], [True, True, False]),
        ([KEY, Facts(2.0), Facts(1.0, fresh=True), END], [2, 1, 1], [False, True, False]),
        # Before the first key frame each is by itself.
        ([Facts(0.0), Facts(0.1), Facts(0.2, fresh=True), Facts(0.3)], [1, 1, 2], [False, True, False]),
        ([Facts(None)] * 3, [1, 1, 1], [False] * 3),
    ],
)
def test_groups(facts: list[Facts], sizes: list[int], closed: list[bool]) -> None:
    found = list(grouped(facts))
    assert [each for group in found for each in group.facts] == facts
    assert ([len(each.facts) for each in found], [each.closed for each in found]) == (sizes, closed)


def test_a_film_without_key_frames_is_not_held_in_memory() -> None:
    by_number = [len(each.facts) for each in grouped([KEY] + [Facts(float(n)) for n in range(1, 4000)])]
    assert by_number[0] == 3000
    assert by_number[1:] == [1] * 1000
    by_size = [len(each.facts) for each in grouped([KEY] + [Facts(float(n), size=30 << 20) for n in range(1, 5)])]
    assert by_size[0] == 4


@pytest.mark.parametrize("b_frames", [False, True])
@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_units_of_packets(codec: str, container: str, b_frames: bool) -> None:
    with av.open(io.BytesIO(clip(container, codec, key_every=10, b_frames=b_frames)), "r") as file:
        [stream] = file.streams.video
        size = length_size(stream.codec_context.name, stream.codec_context.extradata)
        packets = [packet for packet in file.demux(stream) if packet.size]
        found = [units_of(stream.codec_context.name, memoryview(packet), size) for packet in packets]
    assert size == (0 if container == "mpegts" else 4)
    assert [each.fresh for each in found] == [packet.is_keyframe for packet in packets]
    assert any(each.unused for each in found) == b_frames


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\1", b"\0\0\0\0", b"\0\0\0\xff\x65", b"\0\0\1\x67", b"\xff" * 40])
@pytest.mark.parametrize("size", [0, 1, 4])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_nothing_is_known_of_bytes_without_slices(codec: str, size: int, data: bytes) -> None:
    assert not units_of(codec, memoryview(data), size).fresh


@pytest.mark.parametrize("data", [None, b"", b"\1", b"\1" * 4, b"\0\0\0\1\x67"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_extradata_that_says_nothing(codec: str, data: bytes | None) -> None:
    assert length_size(codec, data) == 0


def test_a_packet_is_fresh_if_all_of_its_slices_are() -> None:
    idr, other, parameters = b"\0\0\0\1\x65", b"\0\0\0\1\x41", b"\0\0\0\1\x67"
    assert units_of("h264", memoryview(parameters + idr + idr + b"\0"), 0) == Units(fresh=True, sets=True)
    assert units_of("h264", memoryview(idr + idr + b"\0"), 0) == Units(fresh=True)
    assert units_of("h264", memoryview(idr + other + b"\0"), 0) == Units()


def times(data: bytes) -> list[tuple[float, bool]]:
    """When the frames of a clip are shown, and which of them were decoded."""
    with av.open(io.BytesIO(data), "r") as file:
        [stream] = file.streams.video
        trust = Trust(stream.codec_context.name)
        found = moments(file, stream, Stamps(10), trust, Reading(), 1)
        return [(round(each.seconds, 3), each.frame is not None) for each in found]


@pytest.mark.parametrize("b_frames", [False, True])
@pytest.mark.parametrize(
    ("codec", "key_every"), [("libx264", 5), ("libx264", 13), ("libx264", 50), ("libx265", 10), ("libx265", 25)]
)
def test_pictures_are_those_of_a_film_that_is_decoded_whole(
    codec: str, key_every: int, b_frames: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = clip("matroska", codec, key_every=key_every, b_frames=b_frames)
    pictures, shown = decoded(data), times(data)
    assert [at for at, _ in shown] == pytest.approx([n / 10 for n in range(50)])
    assert sum(is_decoded for _, is_decoded in shown) < 50
    monkeypatch.setattr(Group, "spared", lambda group, _: (set(), len(group.facts)))
    assert all(is_decoded for _, is_decoded in times(data))
    assert decoded(data) == pictures


def test_frames_that_are_decoded_are_as_few_as_can_be() -> None:
    """At a key frame a second one in ten; every two seconds those up to the one after a second."""
    for key_every, number in ((10, 5), (20, 11 + 11 + 1)):
        assert sum(each for _, each in times(clip("mp4", key_every=key_every))) == number


def test_damage_in_a_group_has_all_of_it_decoded() -> None:
    """Behind the last frame that is due, too: it may be the only good one at its step."""
    whole = clip("matroska", frames=56, key_every=56)
    lacking = remuxed(whole, "matroska", keep=lambda number: number != 30)
    assert [sum(is_decoded for _, is_decoded in times(data)) for data in (whole, lacking)] == [51, 55]
