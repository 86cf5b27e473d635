"""Detectors: published by detect, found by the release that deploys them."""

from datetime import date
from pathlib import Path

import pytest

from nightjar.domain.detections import DetectorRef
from nightjar.domain.detectors import PublishedDetector, detector_id, labels_in
from nightjar.errors import InputError, UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors

CARD = b'{"labels": {"1": "person"}}'
GOLDEN = Path(__file__).parents[4] / "golden"


def detector(tag: str = "1", sha256: str = "0" * 64, settings: str = "s") -> PublishedDetector:
    return PublishedDetector.of(DetectorRef(tag=tag, model="m", sha256=sha256, settings=settings), ["cat", "person"])


def test_detectors_that_see_the_same_share_an_id() -> None:
    assert detector("1").id == detector("2").id
    assert len({detector().id, detector(sha256="1" * 64).id, detector(settings="t").id}) == 3
    assert detector_id("a", "b") != detector_id("ab", "")


def test_a_release_finds_its_detector() -> None:
    store = MemoryStore()
    detectors = Detectors(store)
    assert (detectors.find("i1"), detectors.labels("i1")) == (None, None)
    with pytest.raises(InputError, match=r"detectors/i1\.json"):
        detectors.get("i1")
    detectors.publish("i1", detector("1"), CARD)
    detectors.publish("i2", detector("2"), CARD)
    assert detectors.get("i1") == detectors.find("i1") == detector("1")
    assert detectors.get("i2").tag == "2"
    assert detectors.labels("i1") == frozenset({"cat", "person"})
    assert store.get(f"detections/{detector().id}/model_card.json")[0] == CARD


def test_the_detector_of_every_release() -> None:
    detectors = Detectors(MemoryStore())
    for identity, published in (("i1", detector("1")), ("i2", detector("1", settings="t")), ("i3", detector("2"))):
        detectors.publish(identity, published, CARD)
    assert sorted((each.tag, each.settings) for each in detectors.published()) == [("1", "s"), ("1", "t"), ("2", "s")]
    assert Detectors(MemoryStore()).published() == []


def test_publishing_again_changes_nothing() -> None:
    store = MemoryStore()
    Detectors(store).publish("i1", detector(), CARD)
    before = list(store.list_versions(""))
    Detectors(store).publish("i1", detector(), CARD)
    assert list(store.list_versions("")) == before


def test_a_tag_that_was_another_detector_is_refused() -> None:
    store = MemoryStore()
    Detectors(store).publish("i1", detector(), CARD)
    before = list(store.list_versions(""))
    with pytest.raises(UsageError, match="new tag"):
        Detectors(store).publish("i1", detector(sha256="1" * 64), b"another card")
    assert list(store.list_versions("")) == before


def test_a_document_of_a_later_release_is_read() -> None:
    store = MemoryStore()
    Detectors(store).publish("i1", detector(), CARD)
    data = store.get("detectors/i1.json")[0]
    store.put("detectors/i1.json", data.replace(b"{", b'{"input_size": [300, 400],', 1))
    assert Detectors(store).get("i1").id == detector().id


@pytest.mark.parametrize(
    ("card", "labels"),
    [
        (b'{"labels": ["person", "cat", "cat"]}', {"person", "cat"}),
        (b'{"labels": {"1": "person"}}', {"person"}),
        (b'{"labels": []}', None),
        (b'{"labels": [1]}', None),
        (b'{"labels": 1}', None),
        (b"[]", None),
        (b"{", None),
        (b"", None),
    ],
)
def test_labels_in_a_model_card(card: bytes, labels: set[str] | None) -> None:
    if labels is not None:
        assert labels_in(card, "x") == labels
        return
    with pytest.raises(InputError, match=r"expected a model card with .*labels at 'x'"):
        labels_in(card, "x")


def test_detections_of_release_0_1_are_in_folders_named_by_tag() -> None:
    store = MemoryStore()
    root = GOLDEN / "0.1.0"
    for file in sorted((root / "detections").rglob("*")):
        if file.is_file():
            store.put(file.relative_to(root).as_posix(), file.read_bytes())
    detections = Detections(store)
    [tag] = detections.makers()
    places = list(detections.places(tag, date.min, date.max))
    assert [place.camera.name for place in places] == ["alice-yard", "carol-garden"]
    assert all(line.detector.tag == tag for place in places for line in detections.read(place))
