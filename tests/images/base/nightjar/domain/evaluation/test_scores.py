"""Matching, precision, recall, AP50 and the best threshold, against values computed by hand."""

import pytest

from nightjar.domain.detections import DetectedObject
from nightjar.domain.evaluation.labels import Box, LabelledBox, LabelledPicture, Labels
from nightjar.domain.evaluation.looked import Head, Looked, LookedPicture, read_looked
from nightjar.domain.evaluation.matching import Found, iou, matched, share_inside
from nightjar.domain.evaluation.measure import measure
from nightjar.domain.evaluation.scores import Point, average_precision, score
from nightjar.errors import InputError

LEFT: Box = (0.0, 0.0, 0.4, 0.4)
RIGHT: Box = (0.6, 0.0, 1.0, 0.4)


def person(probability: float, box: Box, label: str = "person") -> DetectedObject:
    return DetectedObject(label=label, probability=probability, box=box)


@pytest.mark.parametrize(
    ("first", "second", "overlap", "share"),
    [
        (LEFT, LEFT, 1.0, 1.0),
        (LEFT, RIGHT, 0.0, 0.0),
        (LEFT, (0.4, 0.0, 0.8, 0.4), 0.0, 0.0),  # they touch
        (LEFT, (0.0, 0.0, 0.4, 0.2), 0.5, 0.5),
        ((0.0, 0.0, 0.2, 0.2), LEFT, 0.25, 1.0),
        ((0.0, 0.0, 0.0, 0.0), LEFT, 0.0, 0.0),  # an empty box
    ],
)
def test_overlap(first: Box, second: Box, overlap: float, share: float) -> None:
    assert iou(first, second) == pytest.approx(overlap)
    assert share_inside(first, second) == pytest.approx(share)


@pytest.mark.parametrize(
    ("labelled", "found", "outcomes"),
    [
        ([], [], []),
        ([LEFT], [], []),
        ([], [person(0.9, LEFT)], [(0.9, None)]),
        ([LEFT], [person(0.9, LEFT)], [(0.9, LEFT)]),
        ([LEFT], [person(0.9, (0.0, 0.0, 0.4, 0.2))], [(0.9, LEFT)]),  # an IoU of 0.5, which is enough
        ([LEFT], [person(0.9, (0.0, 0.0, 0.4, 0.19))], [(0.9, None)]),
        ([LEFT], [person(0.5, LEFT), person(0.9, LEFT)], [(0.9, LEFT), (0.5, None)]),  # found twice
        ([LEFT, RIGHT], [person(0.5, RIGHT), person(0.9, LEFT)], [(0.9, LEFT), (0.5, RIGHT)]),
        # The best box is taken, so the next best is given: as COCO has it, unlike VOC.
        (
            [LEFT, (0.0, 0.0, 0.4, 0.3)],
            [person(0.9, LEFT), person(0.8, LEFT)],
            [(0.9, LEFT), (0.8, (0.0, 0.0, 0.4, 0.3))],
        ),
    ],
)
def test_each_box_is_found_once(
    labelled: list[Box], found: list[DetectedObject], outcomes: list[tuple[float, Box | None]]
) -> None:
    pairs = matched([LabelledBox("person", box) for box in labelled], found)
    assert [(each.probability, box.box if box else None) for each, box in pairs] == outcomes


def test_what_is_found_in_an_ignored_region_counts_for_nothing() -> None:
    region = LabelledBox("person", (0.5, 0.0, 1.0, 1.0), ignored=True)
    half_inside, outside = person(0.8, (0.25, 0.0, 0.75, 0.4)), person(0.7, (0.2, 0.0, 0.6, 0.4))
    pairs = matched(
        [region, LabelledBox("person", LEFT)], [person(0.9, RIGHT), half_inside, outside, person(0.6, LEFT)]
    )
    assert [(each.probability, box is not None) for each, box in pairs] == [(0.7, False), (0.6, True)]


@pytest.mark.parametrize(
    ("objects", "outcomes", "ap50"),
    [
        (1, [], 0.0),
        (1, [(0.9, True)], 1.0),
        (2, [(0.9, True)], 0.5),
        (1, [(0.9, False)], 0.0),
        (1, [(0.9, False), (0.8, True)], 0.5),
        # Recall 1/3 at precision 1, 2/3 at 2/3, 1 at 3/5: (1 + 2/3 + 3/5) / 3.
        (3, [(0.9, True), (0.8, False), (0.7, True), (0.6, False), (0.5, True)], (1 + 2 / 3 + 3 / 5) / 3),
        # The precision at a recall is the best at this recall or a higher one: 1/2, 2/3, 3/4 become 3/4.
        (4, [(0.9, False), (0.8, True), (0.7, True), (0.6, True)], 0.75 * 0.75),
        # Of the same probability, in whatever order: one point with precision 1/2 and recall 1.
        (1, [(0.9, True), (0.9, False)], 0.5),
        (1, [(0.9, False), (0.9, True)], 0.5),
    ],
)
def test_average_precision(objects: int, outcomes: list[tuple[float, bool]], ap50: float) -> None:
    assert score("person", objects, [Found(*each) for each in outcomes]).ap50 == pytest.approx(ap50)


def test_a_label_without_objects_has_false_alarms_and_no_average_precision() -> None:
    nothing = score("cat", 0, [Found(0.9, False)])
    assert (nothing.ap50, nothing.best, nothing.false) == (None, None, 1)
    assert nothing.at(0.5) == Point(0.5, 0.0, 0.0)
    assert average_precision(()) == 0.0


def test_the_best_threshold_has_the_highest_f1_and_is_the_highest_of_several() -> None:
    outcomes = [Found(0.9, True), Found(0.8, False), Found(0.7, True), Found(0.6, False)]
    # F1: 2/3 at 0.9, 1/2 at 0.8, 4/5 at 0.7, 2/3 at 0.6.
    best = score("person", 2, outcomes).best
    assert best is not None
    assert (best.threshold, best.precision, best.recall) == (0.7, 2 / 3, 1.0)
    assert best.f1 == pytest.approx(0.8)
    tied = score("person", 2, [Found(0.9, True), Found(0.5, False), Found(0.4, True), Found(0.3, False)])
    assert tied.best is not None and tied.best.threshold == 0.4
    two = score("person", 4, [Found(0.9, True), Found(0.6, False), Found(0.5, False), Found(0.4, True)])
    # F1: 2/5 at 0.9, 1/3, 2/7, and 1/2 at 0.4.
    assert two.best is not None and two.best.threshold == 0.4
    equal = score("person", 1, [Found(0.9, True), Found(0.9, True)])
    assert equal.best is not None and equal.best.threshold == 0.9


@pytest.mark.parametrize(
    ("threshold", "point"),
    [
        (0.95, None),  # nothing is as probable
        (0.9, Point(0.9, 1.0, 0.5)),
        (0.75, Point(0.75, 0.5, 0.5)),
        (0.1, Point(0.1, 2 / 3, 1.0)),
    ],
)
def test_precision_and_recall_at_a_threshold(threshold: float, point: Point | None) -> None:
    assert score("person", 2, [Found(0.9, True), Found(0.8, False), Found(0.7, True)]).at(threshold) == point


def looked(**pictures: tuple[DetectedObject, ...]) -> Looked:
    lines = {
        name: LookedPicture(picture=name, width=100, height=50, objects=objects, seconds=0.02)
        for name, objects in pictures.items()
    }
    return Looked(Head(detector="near", labels=("Person", "dog"), min_probability=0.1), lines)


def labels(**pictures: tuple[LabelledBox, ...]) -> Labels:
    drawn = {name: LabelledPicture(boxes, (1.0, 1.0)) for name, boxes in pictures.items()}
    return Labels("COCO", drawn, frozenset({"pedestrian", "tram", "dog"}))


def test_a_detector_is_measured_on_the_labels_that_it_can_see() -> None:
    drawn = labels(
        one=(LabelledBox("pedestrian", LEFT), LabelledBox("tram", RIGHT)),
        two=(LabelledBox("pedestrian", LEFT),),
        three=(LabelledBox("pedestrian", RIGHT),),
    )
    seen = looked(
        one=(person(0.9, LEFT), person(0.8, RIGHT, "cat")), two=(person(0.7, LEFT), person(0.6, RIGHT, "dog"))
    )
    found = measure(drawn, seen, {"pedestrian": "person"})
    assert (found.detector, found.pictures, found.missing, found.seconds) == ("near", 2, ("three",), 0.02)
    assert found.unseen == {"tram": 1}
    assert found.unlabelled == {"cat": 1}
    assert sorted(found.scores) == ["dog", "person"]
    assert (found.scores["person"].objects, found.scores["person"].ap50) == (2, 1.0)
    assert (found.scores["dog"].ap50, found.scores["dog"].false) == (None, 1)
    assert found.mean_ap50 == 1.0


def test_a_label_that_stands_for_none_of_the_detectors_is_told_and_no_miss() -> None:
    found = measure(labels(one=(LabelledBox("pedestrian", LEFT),)), looked(one=()))
    assert found.unseen == {"pedestrian": 1, "tram": 0}
    assert found.mean_ap50 is None


def test_detections_of_other_pictures_are_refused() -> None:
    with pytest.raises(InputError, match="expected detections of labelled pictures such as 'one', got 'other'"):
        measure(labels(one=()), looked(other=()))


HEAD = '{"detector": "near", "labels": ["person"], "min_probability": 0.1}'
LINE = '{"picture": "a", "width": 10, "height": 10, "objects": []}'


def test_lines_of_detections() -> None:
    read = read_looked([HEAD, "", LINE], "d.jsonl")
    assert (read.head.detector, list(read.pictures), read.pictures["a"].seconds) == ("near", ["a"], None)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "d.jsonl: expected detections, a JSON line a picture, got nothing"),
        ([LINE], "line 1 of d.jsonl: expected a line with detector, labels and min_probability: "),
        ([HEAD, HEAD], "line 2 of d.jsonl: expected a line with picture, width, height and objects: picture"),
        ([HEAD, "{"], "line 2 of d.jsonl"),
        ([HEAD, LINE.replace("10", "0", 1)], "width"),
        ([HEAD, LINE.replace("10", "9" * 400, 1)], "width"),
        ([HEAD, LINE.replace("[]", '[], "seconds": -1')], "seconds"),
        ([HEAD, LINE.replace("[]", '[], "seconds": 1e999')], "seconds"),
        ([HEAD, LINE.replace("[]", '[{"label": "x", "probability": 2, "box": [0, 0, 1, 1]}]')], r"objects\.0\.probab"),
        ([HEAD, LINE, LINE], "line 3 of d.jsonl: expected each picture once, got 'a' twice"),
    ],
)
def test_lines_that_are_no_detections_are_refused(lines: list[str], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_looked(lines, "d.jsonl")
