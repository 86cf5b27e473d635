"""Label files of MOT, COCO and YOLO: what they say, and what is refused and how."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from nightjar.domain.evaluation.kinds import parse_same, read_labels
from nightjar.domain.evaluation.labels import LabelledBox, Labels, picture_name, same_pictures, tidy
from nightjar.domain.evaluation.yolo import read_yolo
from nightjar.errors import InputError, UsageError

CATEGORIES = [{"id": 1, "name": "Person"}, {"id": 7, "name": "traffic_light"}]
IMAGE = {"id": 5, "file_name": "a/street.jpg", "width": 100, "height": 50}


def coco(**changed: Any) -> str:
    annotation = {"id": 1, "image_id": 5, "category_id": 1, "bbox": [10, 5, 20, 25], "iscrowd": 0}
    return json.dumps({"images": [IMAGE], "categories": CATEGORIES, "annotations": [annotation]} | changed)


def boxes(labels: Labels, size: tuple[float, float] = (100, 50)) -> Mapping[str, tuple[LabelledBox, ...]]:
    return {name: picture.fractions(size) for name, picture in labels.pictures.items()}


@pytest.mark.parametrize(
    ("row", "box"),
    [
        ("1,4,11,6,20,25,1,1,0.9", LabelledBox("person", (0.1, 0.1, 0.3, 0.6))),
        ("1,4,11,6,20,25,1,3,1", LabelledBox("car", (0.1, 0.1, 0.3, 0.6))),
        ("1,4,11,6,20,25,1,5,1", LabelledBox("motorcycle", (0.1, 0.1, 0.3, 0.6))),
        ("1,4,11,6,20,25,0,4,1", LabelledBox("bicycle", (0.1, 0.1, 0.3, 0.6), ignored=True)),
        ("1,4,11,6,20,25,1,8,1", LabelledBox("person", (0.1, 0.1, 0.3, 0.6), ignored=True)),  # a distractor
        ("1, 4, 11.0, 6, 20, 25, 1, -1, -1, -1", LabelledBox("person", (0.1, 0.1, 0.3, 0.6))),  # MOT15
        ("1,4,11,6,20,25,0,-1,-1,-1", LabelledBox("person", (0.1, 0.1, 0.3, 0.6), ignored=True)),
        ("1,4,11,6,20,25", LabelledBox("person", (0.1, 0.1, 0.3, 0.6))),
        ("1,4,-9,-4,40,100,1,1,1", LabelledBox("person", (0.0, 0.0, 0.3, 1.0))),  # reaches outside
        ("1,4,11,6,20,25,1,9,1", None),  # an occluder
        ("1,4,101,6,20,25,1,1,1", None),  # wholly outside
    ],
)
def test_a_row_of_mot_is_a_box(row: str, box: LabelledBox | None) -> None:
    [found] = boxes(read_labels(f"{row}\n", "gt.txt")).values()
    assert [(each.label, each.ignored) for each in found] == ([(box.label, box.ignored)] if box else [])
    assert [each.box for each in found] == ([pytest.approx(box.box)] if box else [])


def test_frames_of_mot_without_a_row_are_labelled_too_up_to_the_last() -> None:
    labels = read_labels("3,1,1,1,5,5,1,1,1\n\n5,1,1,1,5,5,1,3,1\n", "gt.txt")
    assert labels.kind == "MOT"
    assert labels.names == {"person", "car"}
    counts = {name: len(picture.boxes) for name, picture in labels.pictures.items()}
    assert counts == {"000001": 0, "000002": 0, "000003": 1, "000004": 0, "000005": 1}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("1,2,3,4,5,six,1,1,1", "line 1 of gt.txt: expected numbers with commas between"),
        ("1,1,1,1,5,5,1,1,1\n2,1,1\n", "line 2 of gt.txt: expected 6 to 10 numbers, got 3"),
        ("0,1,1,1,5,5,1,1,1", "expected a frame from 1 to 1,000,000, got 0"),
        ("1.5,1,1,1,5,5,1,1,1", "expected a frame"),
        ("99999999999,1,1,1,5,5,1,1,1", "expected a frame"),
        ("1,1,1,1,0,5,1,1,1", "width and height above 0, got 0 and 5"),
        ("1,1,1,1,5,-5,1,1,1", "width and height above 0"),
        ("1,1,nan,1,5,5,1,1,1", "expected finite numbers"),
        ("1,1,1,1,inf,5,1,1,1", "expected finite numbers"),
        ("1,1,1,1,5,5,1,44,1", "expected a class from 1 to 13"),
        ("1,1,1,1,5,5,1,1.5,1", "expected a class from 1 to 13 .*, got 1.5"),
        ("1,1,1,1,5,5,1,1,1,1,1,1", "expected 6 to 10 numbers, got 12"),
    ],
)
def test_what_is_wrong_with_mot_is_named_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_labels(text, "gt.txt")


def test_coco_gives_boxes_pictures_without_any_and_regions_to_ignore() -> None:
    crowd = {"id": 2, "image_id": 5, "category_id": 7, "bbox": [0, 0, 100, 50], "iscrowd": 1}
    person = {"id": 1, "image_id": 5, "category_id": 1, "bbox": [10, 5, 20, 25]}
    empty = {"id": 3, "image_id": 5, "category_id": 1, "bbox": [10, 5, 0, 25]}
    plain = {"id": "six", "file_name": "empty.png"}
    labels = read_labels(coco(images=[IMAGE, plain], annotations=[person, crowd, empty]), "c.json")
    assert (labels.kind, labels.names) == ("COCO", frozenset({"person", "traffic light"}))
    assert boxes(labels) == {
        "a/street": (
            LabelledBox("person", (0.1, 0.1, 0.3, 0.6)),
            LabelledBox("traffic light", (0.0, 0.0, 1.0, 1.0), ignored=True),
        ),
        "empty": (),
    }
    # Fractions are those of the labelled picture, also where the footage is larger.
    assert boxes(labels, (1000, 500)) == boxes(labels)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "c.json: expected a JSON object of COCO labels"),
        ("{}", "list of objects called categories, got nothing"),
        ('{"a": 1, "b": 2}', "list of objects called categories, got a, b"),
        (coco(images={}), "list of objects called images"),
        (coco(images=[]), "expected at least one of images"),
        (coco(images=[1]), "list of objects called images"),
        (coco(images=[IMAGE, IMAGE]), "expected each id of images once, got 5 twice"),
        (coco(images=[IMAGE, IMAGE | {"id": 6}]), "expected each picture once in images, got 'a/street' twice"),
        (coco(images=[{"id": 5}]), r"expected file_name in images\[0\], got None"),
        (coco(images=[{"file_name": "a.jpg"}]), r"expected an id in images\[0\], got None"),
        (coco(images=[IMAGE | {"width": 0}]), "image 'a/street': expected a width and a height above 0, got "),
        (coco(images=[IMAGE | {"height": "480"}]), "expected a width and a height above 0, got "),
        (coco(images=[IMAGE | {"height": None}]), "expected a width and a height above 0, got "),
        (coco(categories=[{"id": 1, "name": ""}]), r"expected name in categories\[0\]"),
        (coco(annotations=[{"image_id": 9, "category_id": 1, "bbox": [1, 1, 1, 1]}]), "image_id among images, got 9"),
        (coco(annotations=[{"image_id": 5, "category_id": 2, "bbox": [1, 1, 1, 1]}]), "category_id among categories"),
        (coco(annotations=[{"image_id": [5], "category_id": 1, "bbox": [1, 1, 1, 1]}]), "image_id among images"),
        (
            coco(annotations=[{"image_id": 5, "category_id": 1, "bbox": [1, 1, 1]}]),
            r"annotations\[0\]: expected a bbox",
        ),
        (coco(annotations=[{"image_id": 5, "category_id": 1, "bbox": [1, 1, -1, 1]}]), "expected a bbox"),
        (coco(annotations=[{"image_id": 5, "category_id": 1, "bbox": [1, 1, "1", 1]}]), "expected a bbox"),
        (coco(annotations=[{"image_id": 5, "category_id": 1}]), "expected a bbox"),
        (coco(annotations=[{"image_id": 5, "category_id": 1, "bbox": [10**400, 1, 1, 1]}]), "expected a bbox"),
        (coco(annotations=[{"image_id": 5, "category_id": 1, "bbox": [1, 1, 1, 1, None]}]), "expected a bbox"),
        (coco(categories=[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]), "each id of categories once, got 1 twice"),
        ('{"images": ' + "[" * 100_000, "expected a JSON object of COCO labels"),
    ],
)
def test_what_is_wrong_with_coco_is_named_with_its_entry(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_labels(text, "c.json")


def test_yolo_gives_a_picture_a_file_also_an_empty_one() -> None:
    labels = read_yolo({"a/1.txt": "1 0.5 0.5 0.2 0.4\n", "a/2.txt": "\n"}, ["person", "Traffic_Light"], "labels")
    assert (labels.kind, labels.names) == ("YOLO", frozenset({"person", "traffic light"}))
    [box] = labels.pictures["a/1"].fractions((640, 480))
    assert box.label == "traffic light"
    assert box.box == pytest.approx((0.4, 0.3, 0.6, 0.7))
    assert labels.pictures["a/2"].boxes == ()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("2 0.5 0.5 0.2 0.4", "line 1 of a.txt: expected a class from 0 to 1, got 2"),
        ("-1 0.5 0.5 0.2 0.4", "expected a class from 0 to 1"),
        ("0.5 0.5 0.5 0.2 0.4", "expected a class from 0 to 1"),
        ("0 0.5 0.5 0.2", "expected class, centre_x, centre_y, width and height"),
        ("0 0.1 0.1 0.9 0.1 0.9 0.9", "outlines of segmentation are not read"),
        ("0 0.5 0.5 0.2 nan", "expected class, centre_x"),
        ("0 320 240 100 50", "expected fractions of the picture, from 0 to 1"),
        ("0 0.5 0.5 0 0.4", "expected fractions"),
        ("person 0.5 0.5 0.2 0.4", "expected class, centre_x"),
    ],
)
def test_what_is_wrong_with_yolo_is_named_with_file_and_line(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_yolo({"a.txt": text}, ["person", "car"], "labels")


def test_a_folder_without_text_files_is_no_yolo() -> None:
    with pytest.raises(InputError, match="labels: expected a text file of labels for each picture, got none"):
        read_yolo({}, ["person"], "labels")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "labels of MOT, COCO or YOLO, the file is empty"),
        (" \n\n", "the file is empty"),
        ("0 0.5 0.5 0.2 0.4\n", "expected the folder with the text files of YOLO"),
        ("<annotation><object/></annotation>", "expected rows of numbers with commas .* it begins with '<annotation>"),
        ("[1, 2, 3, 4, 5, 6]", "it begins with '.1, 2"),
    ],
)
def test_a_file_of_no_kind_is_told_what_is_read(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_labels(text, "x")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b.jpg", "a/b"),
        ("./a//b.JPEG", "a/b"),
        ("a\\b.png", "a/b"),
        ("..\\..\\b.jpg", "b"),  # on Linux this may be the name of one file
        ("b", "b"),
        (".jpg", ".jpg"),
        ("alice-porch-1763647500.250.jpg", "alice-porch-1763647500.250"),
        ("", ""),
    ],
)
def test_a_picture_is_named_without_its_extension(path: str, name: str) -> None:
    assert picture_name(path) == name


@pytest.mark.parametrize(
    ("labelled", "looked_at", "pairs"),
    [
        (["000007"], ["000007"], {"000007": "000007"}),
        (["000007"], ["bikes/00000007"], {"000007": "bikes/00000007"}),
        (["img1/000007"], ["000007"], {"img1/000007": "000007"}),
        (["img1/000007"], ["bikes/img1/000007"], {"img1/000007": "bikes/img1/000007"}),
        (["img1/000007"], ["img2/000007"], {}),
        (["000007"], ["a/000007", "b/000007"], {}),  # which of the two?
        (["a/000007"], ["a/000007", "b/000007", "000007"], {"a/000007": "a/000007"}),
        (["a/000007", "b/000007"], ["000007"], {}),  # no picture twice
        (["0007", "000007"], ["000007"], {"000007": "000007"}),
        (["x"], [], {}),
        ([], ["x"], {}),
    ],
)
def test_pictures_agree_by_the_ends_of_their_names(
    labelled: list[str], looked_at: list[str], pairs: dict[str, str]
) -> None:
    assert same_pictures(labelled, looked_at) == pairs


def test_labels_are_tidied_as_detectors_name_them() -> None:
    assert tidy("  Traffic_Light ") == "traffic light"
    assert tidy("a\x1b[31m\x00\ud800 \U0001f46e\u200d\u2640") == "a\ufffd[31m\ufffd\ufffd \U0001f46e\u200d\u2640"


@pytest.mark.parametrize(
    ("groups", "same"),
    [
        ([], {}),
        (["person=Pedestrian, man"], {"pedestrian": "person", "man": "person"}),
        (["car=vehicle", "car=truck"], {"vehicle": "car", "truck": "car"}),
        (["person=person"], {"person": "person"}),
    ],
)
def test_names_that_stand_for_a_label(groups: list[str], same: dict[str, str]) -> None:
    assert parse_same(groups) == same


@pytest.mark.parametrize("groups", [["person"], ["=x"], ["person="], ["a=x", "b=x"], ["a=b", "b=c"]])
def test_names_that_are_not_clear_are_refused(groups: list[str]) -> None:
    with pytest.raises(UsageError, match="expected"):
        parse_same(groups)
