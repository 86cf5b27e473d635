"""Lines of detections about the same picture from several files: a look is never hidden by a mark."""

import pytest

from nightjar.domain.detections import Detection, How, Mark
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.detection_history import DetectionHistory
from nightjar.stores.detections import Detections
from nightjar.stores.line_store import Place, RunShard
from tests.scenes import NIGHT, NOON, detection

PLACE = Place("d1", NIGHT, NOON.date())
SEEN = detection(NIGHT, NOON, {"person": 0.9})
OTHER_BYTES = detection(NIGHT, NOON, {"person": 0.6}, sha256="b")


def marked(probability: float, sha256: str = "a") -> Detection:
    line = detection(NIGHT, NOON, {"person": probability}, sha256=sha256)
    return line.model_copy(update={"mark": Mark(how=How.INTERPOLATED, sources=())})


@pytest.mark.parametrize(
    ("files", "counts"),
    [
        pytest.param([SEEN], SEEN, id="a look alone"),
        pytest.param([marked(0.5)], marked(0.5), id="a mark alone"),
        pytest.param([marked(0.5), SEEN], SEEN, id="a look after it"),
        pytest.param([SEEN, marked(0.5)], SEEN, id="a mark after a look"),
        pytest.param([marked(0.5), marked(0.7)], marked(0.7), id="of two marks the newer one"),
        pytest.param([SEEN, marked(0.5, "b")], marked(0.5, "b"), id="a mark of another picture at this moment"),
        pytest.param([SEEN, OTHER_BYTES], OTHER_BYTES, id="of two looks the newer one"),
    ],
)
def test_which_line_counts(files: list[Detection], counts: Detection) -> None:
    store = MemoryStore()
    for n, line in enumerate(files):
        Detections(store).write(PLACE, RunShard(f"run{n}", "alice-night", is_history=False), [line])
    assert Detections(store).read(PLACE) == [counts]
    [(_, [found])] = DetectionHistory(store).read([PLACE], lambda place: {"person": 0.0})
    assert (found.mark, found.objects[0].probability) == (counts.mark, counts.objects[0].probability)
    Detections(store).compact(PLACE)
    assert Detections(store).read(PLACE) == [counts]


@pytest.mark.parametrize("mark", [{}, {"how": "guessed"}, {"how": "carried", "sources": [{"key": "x"}]}, "carried"])
def test_a_mark_that_is_none_is_named(mark: object) -> None:
    with pytest.raises(ValueError, match="mark"):
        Detection.model_validate({**SEEN.model_dump(), "mark": mark})


def test_a_mark_of_a_later_release_is_kept() -> None:
    later = {"how": "dreamt", "sources": [], "of": "a later release"}
    line = Detection.model_validate({**SEEN.model_dump(mode="json"), "mark": later})
    assert not line.is_seen
    assert line.model_dump(mode="json")["mark"] == later
